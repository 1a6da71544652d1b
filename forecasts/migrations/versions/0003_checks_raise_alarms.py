"""Checks raise alarms: a source that shrank or lags, and what stays smaller or comes late"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source_check", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alarm", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("trusted_from", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("late_rows", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_source_check_alarm_known"), "alarm IN ('shrunk', 'lagging')"
        )
        batch_op.create_index(
            "ix_source_check_alarm",
            ["resource_id"],
            unique=False,
            sqlite_where=sa.text("alarm IS NOT NULL"),
            postgresql_where=sa.text("alarm IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("source_check", schema=None) as batch_op:
        batch_op.drop_index("ix_source_check_alarm")
        batch_op.drop_constraint(batch_op.f("ck_source_check_alarm_known"), type_="check")
        batch_op.drop_column("late_rows")
        batch_op.drop_column("trusted_from")
        batch_op.drop_column("alarm")
