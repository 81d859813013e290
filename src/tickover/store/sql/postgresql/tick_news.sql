-- tick_news: what a bounded set of ended ticks saw of the durations of steps, the oldest first. The rows are locked until
-- the transaction ends, in which they are emptied.
SELECT id, durations FROM ticks WHERE durations IS NOT NULL ORDER BY id LIMIT CAST(:limit AS int) FOR UPDATE SKIP LOCKED
