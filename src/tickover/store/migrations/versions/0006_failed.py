"""Dead letters in an index of their own: they are counted, and listed newest first, without looking at a row."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the index of this revision."""
    dialect = op.get_bind().dialect.name
    ddl = Path(__file__).with_name(f"0006_failed.{dialect}.sql").read_text(encoding="utf-8")
    for statement in ddl.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
