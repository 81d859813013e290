-- kind_seen: whether any code version has announced this kind within the last day.
SELECT EXISTS (SELECT 1 FROM kinds WHERE kind = :kind AND last_seen > :now - 86400000);
