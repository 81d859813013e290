"""What a tick cost."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column of this revision."""
    dialect = op.get_bind().dialect.name
    ddl = Path(__file__).with_name(f"0005_cost.{dialect}.sql").read_text(encoding="utf-8")
    for statement in ddl.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
