-- prune_ticks: deletes a bounded set of ticks that began longer than :ticks seconds ago. Returns a row for each.
DELETE FROM ticks WHERE id IN (
    SELECT id FROM ticks WHERE started_at <= statement_timestamp() - CAST(:ticks AS double precision) * interval '1 second'
    ORDER BY started_at LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
) RETURNING 1
