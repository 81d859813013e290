-- refusals: how often somebody was not let in within the last :seconds, from this address and under this name.
SELECT count(*) FILTER (WHERE address = :address), count(*) FILTER (WHERE target = :name)
FROM audit WHERE action = 'Log-in refused' AND at > :now - CAST(1000 * :seconds AS INTEGER)
