"""A statement says whether a second person read it"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("second_coding", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.add_column(sa.Column("second_coding_note", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_statement_second_coding_known"),
            "second_coding IN ('none', 'agreed', 'settled', 'one-of-two')",
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_statement_note_of_a_second_coding"),
            "second_coding_note IS NULL OR second_coding IS NOT NULL",
        )


def downgrade() -> None:
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_statement_note_of_a_second_coding"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_statement_second_coding_known"), type_="check")
        batch_op.drop_column("second_coding_note")
        batch_op.drop_column("second_coding")
