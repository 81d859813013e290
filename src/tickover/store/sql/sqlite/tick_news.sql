-- tick_news: what a bounded set of ended ticks saw of the durations of steps, the oldest first. The transaction that this
-- is in holds the only write lock.
SELECT id, durations FROM ticks WHERE durations IS NOT NULL ORDER BY id LIMIT :limit
