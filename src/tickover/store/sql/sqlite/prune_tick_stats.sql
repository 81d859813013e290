-- prune_tick_stats: deletes a bounded set of roll-ups that are older than :ticks seconds. Returns a row for each.
DELETE FROM tick_stats WHERE (tick_id, minute, queue) IN (
    SELECT tick_id, minute, queue FROM tick_stats
    WHERE minute <= :now - CAST(1000 * :ticks AS INTEGER)
    ORDER BY minute LIMIT :limit
) RETURNING 1
