-- prune_events: deletes, of a bounded set of the oldest events, those that are older than :events seconds. Returns a row for each.
DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT :limit)
    AND at <= :now - CAST(1000 * :events AS INTEGER)
RETURNING 1
