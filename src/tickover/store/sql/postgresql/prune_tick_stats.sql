-- prune_tick_stats: deletes a bounded set of roll-ups that are older than :ticks seconds. Returns a row for each.
DELETE FROM tick_stats WHERE (tick_id, minute, queue) IN (
    SELECT tick_id, minute, queue FROM tick_stats
    WHERE minute <= statement_timestamp() - CAST(:ticks AS double precision) * interval '1 second'
    ORDER BY minute LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
) RETURNING 1
