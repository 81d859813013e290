-- checkpoints: everything that these jobs have recorded in their current generation, in the order of recording.
-- A statement of its own after the claim: read in the claim, one that was committed just before it was missed.
SELECT c.job_id, c.seq, c.step_key, c.kind, c.value, c.error, c.args_hash
FROM json_each(:jobs) t JOIN checkpoints c ON c.job_id = t.value ->> 'id' AND c.generation = t.value ->> 'generation'
ORDER BY c.job_id, c.seq;
