-- prune_ticks: deletes a bounded set of ticks that began longer than :ticks seconds ago. Returns a row for each.
DELETE FROM ticks WHERE id IN (
    SELECT id FROM ticks WHERE started_at <= :now - CAST(1000 * :ticks AS INTEGER)
    ORDER BY started_at LIMIT :limit
) RETURNING 1
