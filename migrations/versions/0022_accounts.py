"""Accounts: links for a password, second factors, mail to be sent, and what people say about themselves.

Revision ID: 0022
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_PEOPLE = {
    "phone": sa.String(length=40), "page_size": sa.Integer(), "start_page": sa.String(length=40),
    "totp_sealed": sa.String(length=200), "totp_since": sa.DateTime(), "totp_step": sa.BigInteger(),
}  # fmt: skip


def upgrade() -> None:
    """Go forward; plain ADD COLUMNs leave checks, indexes and AUTOINCREMENT as they are."""
    for name, kind in OF_PEOPLE.items():
        op.add_column("ab_user", sa.Column(name, kind, nullable=True))
    op.add_column("user_group", sa.Column("second_factor", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "password_link",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("purpose IN ('reset', 'invitation')", name="purpose_is_known"),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["made_by_id"], ["ab_user.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "password_link", ["user_id"])
    op.create_index(None, "password_link", ["made_by_id"])
    op.create_table(
        "recovery_code",
        sa.Column("id", KEY, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "recovery_code", ["user_id"])
    op.create_table(
        "mail_request",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "mail_request", ["next_try_at"])


def downgrade() -> None:
    """Go back; second factors and links that were sent are gone."""
    for table in ("mail_request", "recovery_code", "password_link"):
        op.drop_table(table)
    op.drop_column("user_group", "second_factor")
    for name in reversed(OF_PEOPLE):
        op.drop_column("ab_user", name)
