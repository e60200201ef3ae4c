"""Questions kept of reports, when they are sent by e-mail, and what became of each sending.

Revision ID: 0021
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import UTCDateTime

revision = "0021"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "saved_question",
        sa.Column("id", BIG, nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("report", sa.String(40), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], name=op.f("fk_saved_question_owner_id_ab_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_question")),
        sa.UniqueConstraint("owner_id", "report", "name", name=op.f("uq_saved_question_owner_id_report_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "report_schedule",
        sa.Column("id", BIG, nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("question_id", BIG, nullable=False),
        sa.Column("every", _words("every", "day", "week", "month"), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("month_day", sa.Integer(), nullable=False),
        sa.Column("at_hour", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(8), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("addresses", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_at", UTCDateTime(), nullable=False),
        sa.Column("reckoned_in", sa.String(64), nullable=False),
        sa.Column("paused", sa.String(24), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("at_hour BETWEEN 0 AND 23", name=op.f("ck_report_schedule_hour_of_a_day")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_report_schedule_day_of_a_week")),
        sa.CheckConstraint("month_day BETWEEN 1 AND 31", name=op.f("ck_report_schedule_day_of_a_month")),
        sa.CheckConstraint("form IN ('xlsx', 'pdf', 'csv')", name=op.f("ck_report_schedule_form_is_known")),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], name=op.f("fk_report_schedule_owner_id_ab_user")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["saved_question.id"], ondelete="CASCADE",
            name=op.f("fk_report_schedule_question_id_saved_question"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedule")),
        sqlite_autoincrement=True,
    )
    for column in ("owner_id", "question_id", "next_at"):
        op.create_index(op.f(f"ix_report_schedule_{column}"), "report_schedule", [column])
    op.create_table(
        "report_sending",
        sa.Column("id", BIG, nullable=False),
        sa.Column("schedule_id", BIG, nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("state", _words("sendingstate", "waiting", "running", "sent", "skipped", "failed"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("try_at", UTCDateTime(), nullable=False),
        sa.Column("claimed_by", sa.String(80), nullable=True),
        sa.Column("beat_at", UTCDateTime(), nullable=True),
        sa.Column("handing", sa.String(254), nullable=True),
        sa.Column("reached", sa.Text(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("task_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["report_schedule.id"], ondelete="CASCADE",
            name=op.f("fk_report_sending_schedule_id_report_schedule"),
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["background_task.id"], ondelete="SET NULL",
            name=op.f("fk_report_sending_task_id_background_task"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_sending")),
        sa.UniqueConstraint("schedule_id", "due_at", name=op.f("uq_report_sending_schedule_id_due_at")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_report_sending_state_try_at"), "report_sending", ["state", "try_at"])


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def downgrade() -> None:
    """Go back; what was kept is forgotten."""
    for table in ("report_sending", "report_schedule", "saved_question"):
        op.drop_table(table)
