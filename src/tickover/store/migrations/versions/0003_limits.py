"""What limits need: caps and their places, windows of rates, and the keys of a job."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table and index of this revision."""
    dialect = op.get_bind().dialect.name
    ddl = Path(__file__).with_name(f"0003_limits.{dialect}.sql").read_text(encoding="utf-8")
    for statement in ddl.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
