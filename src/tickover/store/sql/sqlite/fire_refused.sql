-- fire_refused: a slot whose job could not be written after all did not fire, and says why.
UPDATE fires SET outcome = 'omitted', job_id = NULL, reason = :reason WHERE schedule = :name AND job_id = :job
