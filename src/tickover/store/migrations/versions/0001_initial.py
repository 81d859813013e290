"""The first tables: jobs, their payloads, checkpoints, queues, ticks, events, control and idempotency windows.

The DDL lies beside this file as SQL, one file per dialect, because that is what a reviewer of a database reads.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table and index of this revision."""
    dialect = op.get_bind().dialect.name
    ddl = Path(__file__).with_name(f"0001_initial.{dialect}.sql").read_text(encoding="utf-8")
    for statement in ddl.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
