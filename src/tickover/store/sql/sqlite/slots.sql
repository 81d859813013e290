-- slots: the children of a fan-out in slot order, each with how it ended so far.
SELECT j.id, j.state, d.result, d.error, d.error_kind
FROM jobs j LEFT JOIN job_data d ON d.job_id = j.id
WHERE j.fan_out_id = :id ORDER BY j.fan_out_index;
