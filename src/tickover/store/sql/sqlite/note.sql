-- note: a row of the audit log, in the transaction of what it tells of where there is one. Returns its id.
INSERT INTO audit (id, at, who, role, address, action, target, count, reason, result)
VALUES (:id, :now, :who, :role, :address, :action, :target, :count, :reason, :result)
RETURNING id
