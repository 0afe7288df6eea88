"""Users that are deactivated."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("deactivated_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("deactivated users would be let in again: restore a backup")
