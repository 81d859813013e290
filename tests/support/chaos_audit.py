"""Triggers that write down every move of every job, so that nothing is proved with the product's own account of it.

A row per change of state or epoch: what the job was, what it became, whose lease it had and until when. Within one job
the numbers follow the order of the writes, because each write holds the job's row.
"""

from __future__ import annotations

from typing import Final

from tests.support.chaos_sql import Look

_COLUMNS: Final = """
    job_id TEXT, at BIGINT, was TEXT, now TEXT, epoch_was BIGINT, epoch_now BIGINT, lease_was BIGINT, holder_was TEXT,
    holder_now TEXT, void SMALLINT, crash_run INTEGER, unique_key TEXT
"""
_NAMES: Final = (
    "job_id, at, was, now, epoch_was, epoch_now, lease_was, holder_was, holder_now, void, crash_run, unique_key"
)

_SQLITE: Final = f"""
CREATE TABLE moves (seq INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS});
CREATE TRIGGER moves_insert AFTER INSERT ON jobs BEGIN
    INSERT INTO moves ({_NAMES}) VALUES (NEW.id, $now, NULL, NEW.state, NULL, NEW.epoch, NULL, NULL, NULL, 0,
        NEW.crash_run, NEW.unique_key);
END;
CREATE TRIGGER moves_update AFTER UPDATE ON jobs WHEN OLD.state <> NEW.state OR OLD.epoch <> NEW.epoch BEGIN
    INSERT INTO moves ({_NAMES}) VALUES (NEW.id, $now, OLD.state, NEW.state, OLD.epoch, NEW.epoch, OLD.lease_until,
        OLD.holder, NEW.holder, NEW.claim_id IS NULL, OLD.crash_run, NEW.unique_key);
END;
CREATE TRIGGER moves_delete AFTER DELETE ON jobs BEGIN
    INSERT INTO moves ({_NAMES}) VALUES (OLD.id, $now, OLD.state, NULL, OLD.epoch, NULL, OLD.lease_until, OLD.holder,
        NULL, 1, OLD.crash_run, OLD.unique_key);
END;
"""

_POSTGRESQL: Final = f"""
CREATE TABLE moves (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {_COLUMNS});
CREATE FUNCTION moved() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    at bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO moves ({_NAMES}) VALUES (NEW.id, at, NULL, NEW.state, NULL, NEW.epoch, NULL, NULL, NULL, 0,
            NEW.crash_run, NEW.unique_key);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO moves ({_NAMES}) VALUES (OLD.id, at, OLD.state, NULL, OLD.epoch, NULL, NULL, OLD.holder, NULL, 1,
            OLD.crash_run, OLD.unique_key);
    ELSE
        INSERT INTO moves ({_NAMES}) VALUES (NEW.id, at, OLD.state, NEW.state, OLD.epoch, NEW.epoch,
            extract(epoch FROM OLD.lease_until) * 1000, OLD.holder, NEW.holder,
            CASE WHEN NEW.claim_id IS NULL THEN 1 ELSE 0 END, OLD.crash_run, NEW.unique_key);
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER moves_update AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.epoch <> NEW.epoch) EXECUTE FUNCTION moved();
CREATE TRIGGER moves_other AFTER INSERT OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION moved()
"""


def install(look: Look) -> None:
    """From now on every move of a job leaves a row in `moves`."""
    look.script(_SQLITE if look.dialect == "sqlite" else _POSTGRESQL)
