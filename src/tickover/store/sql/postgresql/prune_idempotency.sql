-- prune_idempotency: deletes a bounded set of idempotency keys whose window is over. Returns a row for each.
DELETE FROM idempotency WHERE (tenant, key) IN (
    SELECT tenant, key FROM idempotency WHERE expires_at <= statement_timestamp()
    ORDER BY expires_at LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
) RETURNING 1
