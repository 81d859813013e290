-- accept_message: a signed message is accepted once within its time, whichever process it comes to. Returns a row the first time.
-- It is a key like any other, of a tenant that is no user's and a job that is none, so that pruning knows it already.
INSERT INTO idempotency AS i (tenant, key, job_id, expires_at)
VALUES ('/tick', :message, '00000000-0000-0000-0000-000000000000',
    clock_timestamp() + CAST(:keep AS double precision) * interval '1 second')
ON CONFLICT (tenant, key) DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE i.expires_at <= clock_timestamp()
RETURNING 1
