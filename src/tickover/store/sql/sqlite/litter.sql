-- litter: which of the tables have rows that nobody needs any more. Read only: an idle reaper writes nothing.
SELECT
    EXISTS (SELECT 1 FROM idempotency WHERE expires_at <= :now),
    EXISTS (
        SELECT 1 FROM callbacks c LEFT JOIN jobs j ON j.id = c.job_id
        WHERE c.expires_at <= :now AND COALESCE(j.state, 'failed') IN ('completed', 'failed', 'cancelled')
    ),
    EXISTS (SELECT 1 FROM jobs j JOIN checkpoints c ON c.job_id = j.id AND c.generation < j.generation WHERE j.generation > 0),
    (SELECT at FROM events ORDER BY seq LIMIT 1) <= :now - CAST(1000 * :events AS INTEGER),
    (SELECT started_at FROM ticks ORDER BY started_at LIMIT 1) <= :now - CAST(1000 * :ticks AS INTEGER),
    (SELECT minute FROM tick_stats ORDER BY minute LIMIT 1) <= :now - CAST(1000 * :ticks AS INTEGER),
    (SELECT fired_at FROM fires ORDER BY fired_at LIMIT 1) <= :now - CAST(1000 * :fires AS INTEGER),
    EXISTS (SELECT 1 FROM durations WHERE updated_at <= :now - CAST(1000 * :fires AS INTEGER)),
    (SELECT at FROM audit ORDER BY at LIMIT 1) <= :now - CAST(1000 * :audit AS INTEGER),
    EXISTS (SELECT 1 FROM ticks WHERE durations IS NOT NULL)
