"""What closed, was reopened or came late is found without reading everything"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, table, columns, part in (
        ("ix_resolution_proposed", "resolution", ["closes_at", "question_id", "step"], "closes_at IS NOT NULL"),
        ("ix_resolution_reopened", "resolution", ["question_id", "step"], "outcome IS NULL"),
        ("ix_source_check_late", "source_check", ["late_rows"], "late_rows > 0"),
    ):
        where = sa.text(part)
        op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_source_check_late", "source_check")
    op.drop_index("ix_resolution_reopened", "resolution")
    op.drop_index("ix_resolution_proposed", "resolution")
