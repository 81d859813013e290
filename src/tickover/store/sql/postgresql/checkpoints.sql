-- checkpoints: everything that these jobs have recorded in their current generation, in the order of recording.
-- A statement of its own after the claim: read in the claim, one that was committed just before it was missed.
SELECT c.job_id, c.seq, c.step_key, c.kind, c.value, c.error, c.args_hash
FROM json_to_recordset(CAST(:jobs AS json)) AS t (id uuid, generation int)
JOIN checkpoints c ON c.job_id = t.id AND c.generation = t.generation
ORDER BY c.job_id, c.seq
