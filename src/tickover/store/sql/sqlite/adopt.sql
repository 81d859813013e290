-- adopt: what a claim whose answer never came got for this tick. Only the tick knows its own id, so this is safe.
SELECT /*claimed*/ FROM jobs j JOIN job_data d ON d.job_id = j.id WHERE j.state = 'running' AND j.holder = :tick;
