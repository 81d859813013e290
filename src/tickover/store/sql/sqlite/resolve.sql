-- resolve: where each of these jobs is; the fence tells whether our write landed (rule 9).
SELECT id, state, epoch, claim_id, run_at FROM jobs WHERE id IN (SELECT value FROM json_each(:ids));
