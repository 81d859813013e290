-- litter: which of the tables have rows that nobody needs any more. Read only: an idle reaper writes nothing.
SELECT
    EXISTS (SELECT 1 FROM idempotency WHERE expires_at <= statement_timestamp()),
    EXISTS (
        SELECT 1 FROM callbacks c LEFT JOIN jobs j ON j.id = c.job_id
        WHERE c.expires_at <= statement_timestamp() AND COALESCE(j.state, 'failed') IN ('completed', 'failed', 'cancelled')
    ),
    EXISTS (SELECT 1 FROM jobs j JOIN checkpoints c ON c.job_id = j.id AND c.generation < j.generation WHERE j.generation > 0),
    (SELECT at FROM events ORDER BY txid, seq LIMIT 1) <= statement_timestamp() - CAST(:events AS double precision) * interval '1 second',
    (SELECT started_at FROM ticks ORDER BY started_at LIMIT 1) <= statement_timestamp() - CAST(:ticks AS double precision) * interval '1 second',
    (SELECT minute FROM tick_stats ORDER BY minute LIMIT 1) <= statement_timestamp() - CAST(:ticks AS double precision) * interval '1 second',
    (SELECT fired_at FROM fires ORDER BY fired_at LIMIT 1) <= statement_timestamp() - CAST(:fires AS double precision) * interval '1 second',
    EXISTS (SELECT 1 FROM durations WHERE updated_at <= statement_timestamp() - CAST(:fires AS double precision) * interval '1 second'),
    (SELECT at FROM audit ORDER BY at LIMIT 1) <= statement_timestamp() - CAST(:audit AS double precision) * interval '1 second',
    EXISTS (SELECT 1 FROM ticks WHERE durations IS NOT NULL)
