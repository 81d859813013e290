-- limit_pass: gives what is free of these caps to those who wait longest for it, the most urgent first, as far as it
-- goes: each may run again, and its place is kept for a minute until it is claimed. Under the locks of `limit_lock`, in
-- the transaction that freed the places, in a later statement than the one that did. SKIP LOCKED: whoever is here holds
-- jobs and fan-outs, and does not wait for another one with those in its hands (decision 0028). A waiter that somebody
-- cancels or pauses just now wants no place; one that was signalled is the reaper's, if no other end comes first.
WITH room AS MATERIALIZED (
    SELECT c.key, c.most - (
        SELECT count(*) FROM cap_slots s JOIN jobs j ON j.id = s.job_id WHERE s.key = c.key AND s.promised IS NULL AND ((j.state = 'running' AND j.epoch = s.epoch) OR (j.state = 'pending' AND s.expires_at > statement_timestamp()))
    ) AS free
    FROM caps c WHERE c.key IN (SELECT value FROM json_array_elements_text(CAST(:keys AS json)))
), next AS MATERIALIZED (
    SELECT r.key, w.id FROM room r CROSS JOIN LATERAL (
        SELECT id FROM jobs WHERE state = 'waiting' AND wait_kind = 'cap' AND wait_ref = 'cap:' || r.key
        ORDER BY priority DESC, id LIMIT GREATEST(r.free, 0) FOR NO KEY UPDATE SKIP LOCKED
    ) w
), woken AS (
    UPDATE jobs j SET state = 'pending', run_at = j.created_at, wait_kind = NULL, wait_ref = NULL,
        event_seq = j.event_seq + CASE WHEN CAST(:log AS text) = 'all' THEN 1 ELSE 0 END
    WHERE j.id = ANY (ARRAY(SELECT id FROM next)) AND j.state = 'waiting'
    RETURNING j.id, j.epoch, j.event_seq, j.kind, j.queue
), kept AS (
    INSERT INTO cap_slots (key, job_id, epoch, expires_at)
    SELECT n.key, w.id, w.epoch, clock_timestamp() + interval '1 minute' FROM woken w JOIN next n USING (id)
    ON CONFLICT (key, job_id) DO UPDATE SET epoch = EXCLUDED.epoch, expires_at = EXCLUDED.expires_at, promised = NULL
), logged AS (
    INSERT INTO events (job_id, n, at, type, kind, queue, data)
    SELECT w.id, w.event_seq, clock_timestamp(), 'JobResumed', w.kind, w.queue, CAST(json_build_object('reason', 'cap ' || n.key) AS text)
    FROM woken w JOIN next n USING (id) WHERE CAST(:log AS text) = 'all'
)
SELECT id FROM woken
