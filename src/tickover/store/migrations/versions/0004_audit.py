"""The audit log."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table and index of this revision."""
    dialect = op.get_bind().dialect.name
    ddl = Path(__file__).with_name(f"0004_audit.{dialect}.sql").read_text(encoding="utf-8")
    for statement in ddl.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
