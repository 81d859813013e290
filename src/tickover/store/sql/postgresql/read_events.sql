-- read_events: the next events behind the cursor, in the one order in which none can appear later in front of it.
-- Numbers are drawn before commits, so "seq > last" loses rows. (txid, seq) below the oldest transaction still open
-- cannot: whatever is not visible yet has a higher txid (decision 0006).
SELECT seq, at, type, job_id, kind, queue, attempt, tick_id, data FROM events
WHERE (txid, seq) > (
        COALESCE(
            (SELECT e.txid FROM events e WHERE e.seq = CAST(:after AS bigint)),
            (SELECT min(e.txid) FROM events e WHERE e.seq > CAST(:after AS bigint) AND CAST(:after AS bigint) > 0),
            CASE CAST(:after AS bigint) WHEN 0 THEN CAST('0' AS xid8) END  -- else beyond the end, where nothing is yet
        ),
        CAST(:after AS bigint)
    )
    AND txid < pg_snapshot_xmin(pg_current_snapshot())
    AND (CAST(:job AS uuid) IS NULL OR job_id = CAST(:job AS uuid))
ORDER BY txid, seq LIMIT CAST(:limit AS int)
