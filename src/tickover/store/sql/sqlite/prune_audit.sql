-- prune_audit: deletes a bounded set of the oldest rows of the audit log, older than :audit seconds. Returns a row for each.
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit WHERE at <= :now - CAST(1000 * :audit AS INTEGER)
    ORDER BY at LIMIT :limit
) RETURNING 1
