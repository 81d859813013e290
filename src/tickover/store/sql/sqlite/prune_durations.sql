-- prune_durations: deletes a bounded set of histograms of steps that nobody ran for :fires seconds. Returns a row for each.
DELETE FROM durations WHERE (kind, step) IN (
    SELECT kind, step FROM durations WHERE updated_at <= :now - CAST(1000 * :fires AS INTEGER) LIMIT :limit
) RETURNING 1
