-- take_signals: the oldest unread messages of a name, read from now on by one step. The job's row is held by `hold` in
-- an earlier statement of this transaction, so nobody else takes them.
WITH oldest AS (
    SELECT seq FROM signals WHERE job_id = CAST(:id AS uuid) AND name = :name AND consumed_at IS NULL
    ORDER BY seq LIMIT CAST(:limit AS int)
), taken AS (
    UPDATE signals s SET consumed_at = clock_timestamp(), consumed_by = :by FROM oldest o WHERE s.seq = o.seq
    RETURNING s.seq, s.payload
)
SELECT seq, payload FROM taken ORDER BY seq
