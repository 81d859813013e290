-- armed: whether an alarm is set that comes by an instant, so that no other is needed. Read only.
-- The row is [first, last]: the instants (milliseconds since 1970) between which it may ring. After the first it may have
-- rung already, before the last it may still be to come (tests/model/alarm.py).
SELECT EXISTS (
    SELECT 1 FROM control
    WHERE key = :key AND CAST(CAST(value AS json) ->> 1 AS bigint) <= CAST(:at AS bigint)
        AND CAST(CAST(value AS json) ->> 0 AS bigint) > extract(epoch FROM statement_timestamp()) * 1000
)
