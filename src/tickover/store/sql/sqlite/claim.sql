-- claim: takes at most :n ready jobs for this tick, no job twice. SQLite has one writer, so there is nothing to skip;
-- the walk over the distinct queues and priorities keeps the work bounded by what is taken, as on PostgreSQL.
WITH RECURSIVE walk (queue) AS (
    SELECT (SELECT queue FROM jobs WHERE state = 'pending' ORDER BY queue LIMIT 1) WHERE :queues IS NULL
    UNION ALL
    SELECT (SELECT j.queue FROM jobs j WHERE j.state = 'pending' AND j.queue > w.queue ORDER BY j.queue LIMIT 1)
    FROM walk w WHERE w.queue IS NOT NULL
), served (queue, room) AS (
    SELECT queue, room FROM (
        SELECT queue, :n AS room FROM walk WHERE queue IS NOT NULL
        UNION ALL
        SELECT key, min(value, :n) FROM json_each(:queues)
    )
    WHERE room > 0 AND queue NOT IN (SELECT name FROM queues WHERE paused_at IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM control WHERE key = 'ticks_paused')
), lanes (queue, room, priority) AS (
    SELECT queue, room, (SELECT j.priority FROM jobs j WHERE j.state = 'pending' AND j.queue = s.queue ORDER BY j.priority DESC LIMIT 1)
    FROM served s
    UNION ALL
    SELECT l.queue, l.room, (
        SELECT j.priority FROM jobs j WHERE j.state = 'pending' AND j.queue = l.queue AND j.priority < l.priority
        ORDER BY j.priority DESC LIMIT 1
    )
    FROM lanes l WHERE l.priority IS NOT NULL
), scanned AS (
    SELECT j.id, j.queue, j.priority, j.run_at, j.crash_run,
        j.crash_run >= max(1, min(2, j.max_crashes - 1)) AS suspect,
        row_number() OVER (PARTITION BY j.queue ORDER BY j.priority DESC, j.run_at, j.id) AS place, l.room,
        dense_rank() OVER (ORDER BY j.queue) AS lane
    FROM lanes l JOIN jobs j ON j.id IN (
        -- A correlated IN with a LIMIT stands for the LATERAL that SQLite has not.
        SELECT k.id FROM jobs k
        WHERE k.state = 'pending' AND k.queue = l.queue AND k.priority = l.priority AND k.run_at <= :now
            AND k.need_ms <= :left_ms AND (:alone OR k.crash_run < max(1, min(2, k.max_crashes - 1)))
        ORDER BY k.run_at, k.id LIMIT :n
    )
    WHERE l.priority IS NOT NULL
), suspect AS (
    SELECT id FROM scanned WHERE suspect AND place = 1 ORDER BY priority DESC, run_at, id LIMIT 1
), picked AS (
    SELECT id FROM suspect
    UNION ALL
    SELECT id FROM (
        -- Queues take turns, each claim from another one on: else the first one would take every slot that gets free.
        -- A job that crashed before starts at once or not at all: it is not claimed ahead.
        SELECT id, crash_run, row_number() OVER (
            ORDER BY place, (lane + :turn) % (SELECT count(DISTINCT queue) FROM scanned)
        ) AS seat
        FROM scanned WHERE place <= room AND NOT suspect AND NOT EXISTS (SELECT 1 FROM suspect)
        ORDER BY seat
    )
    WHERE crash_run = 0 OR seat <= :free
    LIMIT :n
)
UPDATE jobs SET state = 'running', epoch = epoch + 1, claim_id = lower(hex(randomblob(16))), starts = starts + 1,
    holder = :tick, lease_until = :now + CAST(1000 * :lease AS INTEGER), started_at = :now,
    event_seq = event_seq + CASE WHEN :log = 'all' THEN 1 ELSE 0 END
WHERE id IN (SELECT id FROM picked) AND state = 'pending'
RETURNING id;

INSERT INTO events (job_id, n, at, type, epoch, attempt, kind, queue, tick_id)
SELECT id, event_seq, started_at, 'JobStarted', epoch, failures + 1, kind, queue, holder FROM jobs
WHERE id IN (SELECT value FROM json_each(:accepted)) AND :log = 'all' ORDER BY priority DESC, run_at, id;

INSERT INTO ticks (id, function, trigger, parent, cold, started_at, deadline_at, claimed)
SELECT :tick, :function, :trigger, :parent, :cold, :now - CAST(1000 * :age AS INTEGER), :now + CAST(1000 * :left AS INTEGER),
    json_array_length(:accepted)
WHERE json_array_length(:accepted) > 0
ON CONFLICT (id) DO UPDATE SET claimed = claimed + excluded.claimed;

SELECT /*claimed*/ FROM jobs j JOIN job_data d ON d.job_id = j.id WHERE j.id IN (SELECT value FROM json_each(:accepted));
