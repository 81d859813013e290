-- refusals: how often somebody was not let in within the last :seconds, from this address and under this name.
SELECT count(*) FILTER (WHERE address = CAST(:address AS text)), count(*) FILTER (WHERE target = CAST(:name AS text))
FROM audit WHERE action = 'Log-in refused' AND at > statement_timestamp() - CAST(:seconds AS double precision) * interval '1 second'
