-- prune_events: deletes, of a bounded set of the oldest events, those that are older than :events seconds. Returns a row for each.
WITH oldest AS MATERIALIZED (
    SELECT txid, seq, at FROM events ORDER BY txid, seq LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
)
DELETE FROM events e USING oldest o WHERE e.txid = o.txid AND e.seq = o.seq
    AND o.at <= statement_timestamp() - CAST(:events AS double precision) * interval '1 second'
RETURNING 1
