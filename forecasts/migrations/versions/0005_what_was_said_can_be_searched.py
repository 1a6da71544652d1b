"""What was said can be searched by its words"""

from alembic import op

from forecasts import search

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    search.create(op.get_bind())
    search.rebuild(op.get_bind())


def downgrade() -> None:
    search.drop(op.get_bind())
