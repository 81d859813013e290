-- prune_durations: deletes a bounded set of histograms of steps that nobody ran for :fires seconds. Returns a row for each.
DELETE FROM durations WHERE (kind, step) IN (
    SELECT kind, step FROM durations WHERE updated_at <= statement_timestamp() - CAST(:fires AS double precision) * interval '1 second'
    ORDER BY kind, step LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
) RETURNING 1
