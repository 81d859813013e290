-- prune_audit: deletes a bounded set of the oldest rows of the audit log, older than :audit seconds. Returns a row for each.
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at <= statement_timestamp() - CAST(:audit AS double precision) * interval '1 second'
    ORDER BY at LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
) RETURNING 1
