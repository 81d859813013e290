-- armed: whether an alarm is set that comes by an instant, so that no other is needed. Read only.
-- The row is [first, last]: the instants (milliseconds since 1970) between which it may ring. After the first it may have
-- rung already, before the last it may still be to come (tests/model/alarm.py).
SELECT EXISTS (
    SELECT 1 FROM control
    WHERE key = :key AND json_extract(value, '$[1]') <= :at AND json_extract(value, '$[0]') > :now
);
