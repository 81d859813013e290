CREATE INDEX jobs_failed ON jobs (id) WHERE state = 'failed';
