-- accept_message: a signed message is accepted once within its time, whichever process it comes to. Returns a row the first time.
-- It is a key like any other, of a tenant that is no user's and a job that is none, so that pruning knows it already.
INSERT INTO idempotency (tenant, key, job_id, expires_at)
VALUES ('/tick', :message, '00000000-0000-0000-0000-000000000000', :now + CAST(1000 * :keep AS INTEGER))
ON CONFLICT (tenant, key) DO UPDATE SET expires_at = excluded.expires_at WHERE idempotency.expires_at <= :now
RETURNING 1
