"""The house: every table of the first version, and the triggers that keep the books.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models import triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "ab_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("label", sa.String(length=150), nullable=True),
        sa.Column("description", sa.String(length=512), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_group")),
        sa.UniqueConstraint("name", name=op.f("uq_ab_group_name")),
    )
    op.create_table(
        "ab_permission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_permission")),
        sa.UniqueConstraint("name", name=op.f("uq_ab_permission_name")),
    )
    op.create_table(
        "ab_register_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=64), nullable=False),
        sa.Column("last_name", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("registration_date", sa.DateTime(), nullable=True),
        sa.Column("registration_hash", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_register_user")),
        sa.UniqueConstraint("email", name=op.f("uq_ab_register_user_email")),
        sa.UniqueConstraint("username", name=op.f("uq_ab_register_user_username")),
    )
    op.create_table(
        "ab_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_role")),
        sa.UniqueConstraint("name", name=op.f("uq_ab_role_name")),
    )
    op.create_table(
        "ab_view_menu",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_view_menu")),
        sa.UniqueConstraint("name", name=op.f("uq_ab_view_menu_name")),
    )
    op.create_table(
        "currency",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("symbol", sa.String(length=8), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("decimals BETWEEN 0 AND 3", name=op.f("ck_currency_decimals_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_currency")),
        sa.UniqueConstraint("code", name=op.f("uq_currency_code")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("scope_key", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_ledger_account_id_currency")),
    )
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.create_index(
            "uq_ledger_account_code", ["code", "scope_key", "currency"], unique=True
        )

    op.create_table(
        "licence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=100), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("meters_allowed", sa.Integer(), nullable=True),
        sa.Column("signed_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licence")),
    )
    op.create_table(
        "manufacturer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=4), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manufacturer")),
        sa.UniqueConstraint("code", name=op.f("uq_manufacturer_code")),
        sa.UniqueConstraint("name", name=op.f("uq_manufacturer_name")),
    )
    op.create_table(
        "module_answer",
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_module_answer")),
    )
    op.create_table(
        "module_token_id",
        sa.Column("pan", sa.String(length=18), nullable=False),
        sa.Column("base_date", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pan", "base_date", name=op.f("pk_module_token_id")),
    )
    op.create_table(
        "region",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column(
            "path",
            sa.String(length=120).with_variant(sa.String(length=120, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("full_name", sa.String(length=320), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["region.id"], name=op.f("fk_region_parent_id_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("parent_id", "name", name=op.f("uq_region_parent_id_name")),
    )
    with op.batch_alter_table("region", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_region_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_region_path"), ["path"], unique=False)
        batch_op.create_index(
            "uq_region_country_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )

    op.create_table(
        "security_module",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("serves_legacy", sa.Boolean(), nullable=False),
        sa.Column("serves_sts6", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_module")),
        sa.UniqueConstraint("name", name=op.f("uq_security_module_name")),
    )
    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.create_index(
            "uq_security_module_active_legacy",
            ["serves_legacy"],
            unique=True,
            sqlite_where=sa.text("active AND serves_legacy"),
            postgresql_where=sa.text("active AND serves_legacy"),
        )
        batch_op.create_index(
            "uq_security_module_active_sts6",
            ["serves_sts6"],
            unique=True,
            sqlite_where=sa.text("active AND serves_sts6"),
            postgresql_where=sa.text("active AND serves_sts6"),
        )

    op.create_table(
        "seeded_permission",
        sa.Column("role_name", sa.String(length=64), nullable=False),
        sa.Column("permission", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("role_name", "permission", name=op.f("pk_seeded_permission")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("failed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sign_in_failure_failed_at"), ["failed_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sign_in_failure_subject"), ["subject"], unique=False)

    op.create_table(
        "tariff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
        sa.UniqueConstraint("name", name=op.f("uq_tariff_name")),
    )
    with op.batch_alter_table("tariff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tariff_meter_type"), ["meter_type"], unique=False)

    op.create_table(
        "ab_group_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["ab_group.id"],
            name=op.f("fk_ab_group_role_group_id_ab_group"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["ab_role.id"],
            name=op.f("fk_ab_group_role_role_id_ab_role"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_group_role")),
        sa.UniqueConstraint("group_id", "role_id", name=op.f("uq_ab_group_role_group_id_role_id")),
    )
    with op.batch_alter_table("ab_group_role", schema=None) as batch_op:
        batch_op.create_index("idx_group_id", ["group_id"], unique=False)
        batch_op.create_index("idx_group_role_id", ["role_id"], unique=False)

    op.create_table(
        "ab_permission_view",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permission_id", sa.Integer(), nullable=False),
        sa.Column("view_menu_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"],
            ["ab_permission.id"],
            name=op.f("fk_ab_permission_view_permission_id_ab_permission"),
        ),
        sa.ForeignKeyConstraint(
            ["view_menu_id"],
            ["ab_view_menu.id"],
            name=op.f("fk_ab_permission_view_view_menu_id_ab_view_menu"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_permission_view")),
        sa.UniqueConstraint(
            "permission_id",
            "view_menu_id",
            name=op.f("uq_ab_permission_view_permission_id_view_menu_id"),
        ),
    )
    with op.batch_alter_table("ab_permission_view", schema=None) as batch_op:
        batch_op.create_index("idx_permission_id", ["permission_id"], unique=False)
        batch_op.create_index("idx_view_menu_id", ["view_menu_id"], unique=False)

    op.create_table(
        "consumer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_number", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("id_number", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=120), nullable=True),
        sa.Column("telephone", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("debt_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_consumer_region_id_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consumer")),
        sa.UniqueConstraint("user_number", name=op.f("uq_consumer_user_number")),
    )
    with op.batch_alter_table("consumer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consumer_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_consumer_region_id"), ["region_id"], unique=False)

    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("manufacturer_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manufacturer_id"],
            ["manufacturer.id"],
            name=op.f("fk_product_manufacturer_id_manufacturer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("model", name=op.f("uq_product_model")),
    )
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_product_manufacturer_id"), ["manufacturer_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_product_meter_type"), ["meter_type"], unique=False)

    op.create_table(
        "purchase_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("energy", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("taxes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_purchase_day_region_id_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_day")),
        sa.UniqueConstraint(
            "business_date", "region_id", "meter_type", "currency", name="uq_purchase_day_key"
        ),
    )
    with op.batch_alter_table("purchase_day", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_purchase_day_region_id"), ["region_id"], unique=False)

    op.create_table(
        "purchase_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("energy", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("taxes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_purchase_month_region_id_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_month")),
        sa.UniqueConstraint(
            "month", "region_id", "meter_type", "currency", name="uq_purchase_month_key"
        ),
    )
    with op.batch_alter_table("purchase_month", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_purchase_month_region_id"), ["region_id"], unique=False
        )

    op.create_table(
        "settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("utility_name", sa.String(length=100), nullable=False),
        sa.Column("utility_address", sa.String(length=200), nullable=True),
        sa.Column("utility_telephone", sa.String(length=60), nullable=True),
        sa.Column("tax_number", sa.String(length=60), nullable=True),
        sa.Column("currency_id", sa.Integer(), nullable=False),
        sa.Column(
            "settlement",
            sa.Enum(
                "up",
                "down",
                name="settlement",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("first_weekday", sa.Integer(), nullable=False),
        sa.Column("token_offset_minutes", sa.Integer(), nullable=False),
        sa.Column("slip_header", sa.String(length=200), nullable=True),
        sa.Column("slip_footer", sa.String(length=200), nullable=True),
        sa.Column("mask_id_number", sa.Boolean(), nullable=False),
        sa.Column("default_language", sa.String(length=8), nullable=False),
        sa.Column("demonstration", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_settings_only_one")),
        sa.ForeignKeyConstraint(
            ["currency_id"], ["currency.id"], name=op.f("fk_settings_currency_id_currency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
    )
    op.create_table(
        "supply_group_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=False),
        sa.Column("sgc", sa.String(length=6), nullable=False),
        sa.Column("krn", sa.Integer(), nullable=False),
        sa.Column("key_type", sa.Integer(), nullable=False),
        sa.Column("dkga", sa.Integer(), nullable=False),
        sa.Column("base_date", sa.Integer(), nullable=False),
        sa.Column("ken", sa.Integer(), nullable=False),
        sa.Column("kcv", sa.String(length=6), nullable=False),
        sa.Column("active_from", sa.DateTime(), nullable=True),
        sa.Column("active_to", sa.DateTime(), nullable=True),
        sa.Column("demonstration", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["module_id"],
            ["security_module.id"],
            name=op.f("fk_supply_group_key_module_id_security_module"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_group_key")),
        sa.UniqueConstraint(
            "module_id",
            "sgc",
            "krn",
            "key_type",
            name=op.f("uq_supply_group_key_module_id_sgc_krn_key_type"),
        ),
    )
    with op.batch_alter_table("supply_group_key", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_supply_group_key_module_id"), ["module_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_supply_group_key_sgc"), ["sgc"], unique=False)

    op.create_table(
        "tariff_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tariff_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("effective_from", sa.DateTime(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("up_to", sa.BigInteger(), nullable=True),
        sa.Column("fixed_fee", sa.BigInteger(), nullable=False),
        sa.Column(
            "fixed_method",
            sa.Enum(
                "purchase",
                "day",
                "week",
                "month",
                "year",
                name="chargemethod",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "fee_recovery",
            sa.Enum(
                "whole",
                "capped",
                "forgiven",
                name="recovery",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("fee_cap_share", sa.BigInteger(), nullable=True),
        sa.Column(
            "step_period",
            sa.Enum(
                "month",
                "purchase",
                "year",
                name="stepperiod",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("step_scale_days", sa.Integer(), nullable=True),
        sa.Column("steps_end", sa.BigInteger(), nullable=True),
        sa.Column("fines_end", sa.BigInteger(), nullable=True),
        sa.Column("fines_taxed", sa.Boolean(), nullable=False),
        sa.Column("tax_inclusive", sa.Boolean(), nullable=False),
        sa.Column("unit_rounding", sa.String(length=8), nullable=False),
        sa.Column("unit_quantum", sa.BigInteger(), nullable=False),
        sa.Column("debt_share", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(parent_id IS NULL) OR (up_to IS NOT NULL)",
            name=op.f("ck_tariff_plan_schedule_has_limit"),
        ),
        sa.CheckConstraint("fixed_fee >= 0", name=op.f("ck_tariff_plan_fixed_fee_not_negative")),
        sa.CheckConstraint("unit_quantum > 0", name=op.f("ck_tariff_plan_unit_quantum_positive")),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_plan_parent_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tariff_id"], ["tariff.id"], name=op.f("fk_tariff_plan_tariff_id_tariff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_plan")),
    )
    with op.batch_alter_table("tariff_plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tariff_plan_tariff_id"), ["tariff_id"], unique=False)
        batch_op.create_index(
            "uq_tariff_plan_tariff_id_effective_from",
            ["tariff_id", "effective_from"],
            unique=True,
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )

    op.create_table(
        "user_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column(
            "row_scope",
            sa.Enum(
                "vending_point",
                "region",
                "all",
                name="rowscope",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["ab_role.id"], name=op.f("fk_user_group_role_id_ab_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group")),
        sa.UniqueConstraint("name", name=op.f("uq_user_group_name")),
        sa.UniqueConstraint("role_id", name=op.f("uq_user_group_role_id")),
    )
    op.create_table(
        "vending_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("contact_person", sa.String(length=100), nullable=True),
        sa.Column("telephone", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=120), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_vending_point_region_id_region")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vending_point")),
        sa.UniqueConstraint("code", name=op.f("uq_vending_point_code")),
        sa.UniqueConstraint("name", name=op.f("uq_vending_point_name")),
    )
    with op.batch_alter_table("vending_point", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vending_point_region_id"), ["region_id"], unique=False)

    op.create_table(
        "ab_permission_view_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("permission_view_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["permission_view_id"],
            ["ab_permission_view.id"],
            name=op.f("fk_ab_permission_view_role_permission_view_id_ab_permission_view"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["ab_role.id"],
            name=op.f("fk_ab_permission_view_role_role_id_ab_role"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_permission_view_role")),
        sa.UniqueConstraint(
            "permission_view_id",
            "role_id",
            name=op.f("uq_ab_permission_view_role_permission_view_id_role_id"),
        ),
    )
    with op.batch_alter_table("ab_permission_view_role", schema=None) as batch_op:
        batch_op.create_index("idx_permission_view_id", ["permission_view_id"], unique=False)
        batch_op.create_index("idx_role_id", ["role_id"], unique=False)

    op.create_table(
        "ab_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_name", sa.String(length=64), nullable=False),
        sa.Column("last_name", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("last_login", sa.DateTime(), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=True),
        sa.Column("fail_login_count", sa.Integer(), nullable=True),
        sa.Column("created_on", sa.DateTime(), nullable=True),
        sa.Column("changed_on", sa.DateTime(), nullable=True),
        sa.Column("created_by_fk", sa.Integer(), nullable=True),
        sa.Column("changed_by_fk", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("region_id", sa.Integer(), nullable=True),
        sa.Column("vending_point_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("theme", sa.String(length=8), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_fk"], ["ab_user.id"], name=op.f("fk_ab_user_changed_by_fk_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_fk"], ["ab_user.id"], name=op.f("fk_ab_user_created_by_fk_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["user_group.id"], name=op.f("fk_ab_user_group_id_user_group")
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_ab_user_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_ab_user_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_user")),
        sa.UniqueConstraint("email", name=op.f("uq_ab_user_email")),
        sa.UniqueConstraint("username", name=op.f("uq_ab_user_username")),
    )
    with op.batch_alter_table("ab_user", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ab_user_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ab_user_region_id"), ["region_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ab_user_vending_point_id"), ["vending_point_id"], unique=False
        )

    op.create_table(
        "cash_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("credit_limit", sa.BigInteger(), nullable=True),
        sa.Column("receipts", sa.Integer(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_cash_account_held_not_negative")),
        sa.CheckConstraint("receipts >= 0", name=op.f("ck_cash_account_receipts_not_negative")),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_cash_account_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_account")),
        sa.UniqueConstraint("vending_point_id", name=op.f("uq_cash_account_vending_point_id")),
    )
    op.create_table(
        "consumer_term",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "term",
            sa.String(length=40).with_variant(sa.String(length=40, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "consumer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumer.id"],
            name=op.f("fk_consumer_term_consumer_id_consumer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consumer_term")),
    )
    with op.batch_alter_table("consumer_term", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consumer_term_consumer_id"), ["consumer_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_consumer_term_term_consumer_id"), ["term", "consumer_id"], unique=True
        )

    op.create_table(
        "meter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "meter_number",
            sa.String(length=13).with_variant(sa.String(length=13, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("tariff_id", sa.Integer(), nullable=True),
        sa.Column(
            "consumer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column(
            "algorithm",
            sa.Enum(
                "legacy",
                "sts6",
                name="algorithm",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("ea", sa.Integer(), nullable=False),
        sa.Column("tct", sa.Integer(), nullable=False),
        sa.Column("sgc", sa.String(length=6), nullable=False),
        sa.Column("krn", sa.Integer(), nullable=False),
        sa.Column("ti", sa.Integer(), nullable=False),
        sa.Column("ken", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "in_stock",
                "installed",
                "blocked",
                "removed",
                name="meterstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("status_reason", sa.String(length=200), nullable=True),
        sa.Column("status_since", sa.DateTime(), nullable=True),
        sa.Column("installed_on", sa.Date(), nullable=True),
        sa.Column("capacity", sa.BigInteger(), nullable=True),
        sa.Column("smallest_purchase", sa.BigInteger(), nullable=True),
        sa.Column("largest_purchase", sa.BigInteger(), nullable=True),
        sa.Column("daily_limit", sa.BigInteger(), nullable=True),
        sa.Column("pending_sgc", sa.String(length=6), nullable=True),
        sa.Column("pending_krn", sa.Integer(), nullable=True),
        sa.Column("pending_ti", sa.Integer(), nullable=True),
        sa.Column("pending_ken", sa.Integer(), nullable=True),
        sa.Column("pending_tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("ea = 7 OR algorithm = 'sts6'", name=op.f("ck_meter_misty1_needs_sts6")),
        sa.CheckConstraint("ea IN (7, 11)", name=op.f("ck_meter_ea_known")),
        sa.CheckConstraint("ken BETWEEN 0 AND 255", name=op.f("ck_meter_ken_range")),
        sa.CheckConstraint("krn BETWEEN 1 AND 9", name=op.f("ck_meter_krn_range")),
        sa.CheckConstraint(
            "length(meter_number) IN (11, 13)", name=op.f("ck_meter_meter_number_length")
        ),
        sa.CheckConstraint("ti BETWEEN 0 AND 99", name=op.f("ck_meter_ti_range")),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["consumer.id"], name=op.f("fk_meter_consumer_id_consumer")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_meter_product_id_product")
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_meter_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["tariff_id"], ["tariff.id"], name=op.f("fk_meter_tariff_id_tariff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter")),
        sa.UniqueConstraint("meter_number", name=op.f("uq_meter_meter_number")),
    )
    with op.batch_alter_table("meter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meter_consumer_id"), ["consumer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_meter_type"), ["meter_type"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_sgc"), ["sgc"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_meter_tariff_id"), ["tariff_id"], unique=False)

    op.create_table(
        "sale_day",
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("energy", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("taxes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_sale_day_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_sale_day_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_day")),
        sa.UniqueConstraint(
            "business_date",
            "vending_point_id",
            "region_id",
            "meter_type",
            "currency",
            name="uq_sale_day_key",
        ),
    )
    with op.batch_alter_table("sale_day", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sale_day_region_id"), ["region_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sale_day_vending_point_id"), ["vending_point_id"], unique=False
        )

    op.create_table(
        "sale_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("energy", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("taxes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_sale_month_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_sale_month_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_month")),
        sa.UniqueConstraint(
            "month",
            "vending_point_id",
            "region_id",
            "meter_type",
            "currency",
            name="uq_sale_month_key",
        ),
    )
    with op.batch_alter_table("sale_month", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sale_month_region_id"), ["region_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sale_month_vending_point_id"), ["vending_point_id"], unique=False
        )

    op.create_table(
        "tariff_fee",
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "purchase",
                "day",
                "week",
                "month",
                "year",
                name="chargemethod",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("per_capacity", sa.Boolean(), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_fee_plan_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_fee")),
    )
    with op.batch_alter_table("tariff_fee", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tariff_fee_plan_id_code"), ["plan_id", "code"], unique=True
        )

    op.create_table(
        "tariff_fine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("fine", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("fine >= 0", name=op.f("ck_tariff_fine_fine_not_negative")),
        sa.CheckConstraint("start >= 0", name=op.f("ck_tariff_fine_start_not_negative")),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_fine_plan_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_fine")),
        sa.UniqueConstraint("plan_id", "start", name=op.f("uq_tariff_fine_plan_id_start")),
    )
    op.create_table(
        "tariff_levy",
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_levy_plan_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_levy")),
    )
    with op.batch_alter_table("tariff_levy", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tariff_levy_plan_id_code"), ["plan_id", "code"], unique=True
        )

    op.create_table(
        "tariff_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("price >= 0", name=op.f("ck_tariff_step_price_not_negative")),
        sa.CheckConstraint("start >= 0", name=op.f("ck_tariff_step_start_not_negative")),
        sa.CheckConstraint("tax_rate >= 0", name=op.f("ck_tariff_step_tax_rate_not_negative")),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_step_plan_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_step")),
        sa.UniqueConstraint("plan_id", "start", name=op.f("uq_tariff_step_plan_id_start")),
    )
    op.create_table(
        "tariff_tax",
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("bases", sa.String(length=200), nullable=False),
        sa.Column("of_gross", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["tariff_plan.id"],
            name=op.f("fk_tariff_tax_plan_id_tariff_plan"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_tax")),
    )
    with op.batch_alter_table("tariff_tax", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tariff_tax_plan_id_code"), ["plan_id", "code"], unique=True
        )

    op.create_table(
        "ab_api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("key_hash", sa.String(length=256), nullable=False),
        sa.Column("lookup_hash", sa.String(length=256), nullable=True),
        sa.Column("key_prefix", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_on", sa.DateTime(), nullable=True),
        sa.Column("expires_on", sa.DateTime(), nullable=True),
        sa.Column("revoked_on", sa.DateTime(), nullable=True),
        sa.Column("last_used_on", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["ab_user.id"],
            name=op.f("fk_ab_api_key_user_id_ab_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_api_key")),
        sa.UniqueConstraint("lookup_hash", name=op.f("uq_ab_api_key_lookup_hash")),
        sa.UniqueConstraint("uuid", name=op.f("uq_ab_api_key_uuid")),
    )
    with op.batch_alter_table("ab_api_key", schema=None) as batch_op:
        batch_op.create_index("idx_api_key_lookup_hash", ["lookup_hash"], unique=True)
        batch_op.create_index("idx_api_key_prefix", ["key_prefix"], unique=False)
        batch_op.create_index("idx_api_key_user_id", ["user_id"], unique=False)

    op.create_table(
        "ab_user_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["ab_group.id"],
            name=op.f("fk_ab_user_group_group_id_ab_group"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["ab_user.id"],
            name=op.f("fk_ab_user_group_user_id_ab_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_user_group")),
        sa.UniqueConstraint("user_id", "group_id", name=op.f("uq_ab_user_group_user_id_group_id")),
    )
    with op.batch_alter_table("ab_user_group", schema=None) as batch_op:
        batch_op.create_index("idx_user_group_id", ["group_id"], unique=False)
        batch_op.create_index("idx_user_id", ["user_id"], unique=False)

    op.create_table(
        "ab_user_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["ab_role.id"],
            name=op.f("fk_ab_user_role_role_id_ab_role"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["ab_user.id"],
            name=op.f("fk_ab_user_role_user_id_ab_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ab_user_role")),
        sa.UniqueConstraint("user_id", "role_id", name=op.f("uq_ab_user_role_user_id_role_id")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("row_id", sa.String(length=40), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("chain_no", sa.Integer(), nullable=True),
        sa.Column("chain_before", sa.String(length=64), nullable=True),
        sa.Column("chain_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_audit_entry_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("chain_no", name=op.f("uq_audit_entry_chain_no")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_entry_table_name_row_id"), ["table_name", "row_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_audit_entry_user_id"), ["user_id"], unique=False)

    op.create_table(
        "clock_confirmation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=False),
        sa.Column("after_token_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_clock_confirmation_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_confirmation")),
    )
    op.create_table(
        "engineering_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "credit",
                "key_change",
                "engineering",
                name="tokenkind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("function", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("vending_point_id", sa.Integer(), nullable=True),
        sa.Column("point_region_id", sa.Integer(), nullable=True),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("approver_id", sa.Integer(), nullable=True),
        sa.Column("meter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("module_id", sa.Integer(), nullable=True),
        sa.Column("details", sa.String(length=2000), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["approver_id"], ["ab_user.id"], name=op.f("fk_engineering_record_approver_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["meter_id"], ["meter.id"], name=op.f("fk_engineering_record_meter_id_meter")
        ),
        sa.ForeignKeyConstraint(
            ["module_id"],
            ["security_module.id"],
            name=op.f("fk_engineering_record_module_id_security_module"),
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["ab_user.id"], name=op.f("fk_engineering_record_operator_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["point_region_id"],
            ["region.id"],
            name=op.f("fk_engineering_record_point_region_id_region"),
        ),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_engineering_record_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engineering_record")),
        sa.UniqueConstraint("message_id", name=op.f("uq_engineering_record_message_id")),
    )
    with op.batch_alter_table("engineering_record", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_engineering_record_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_engineering_record_meter_id"), ["meter_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_engineering_record_operator_id"), ["operator_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_engineering_record_point_region_id"), ["point_region_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_engineering_record_vending_point_id"), ["vending_point_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_engineering_record_vending_point_id_reference"),
            ["vending_point_id", "reference"],
            unique=True,
        )

    op.create_table(
        "meter_lock",
        sa.Column("meter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sales", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["meter.id"],
            name=op.f("fk_meter_lock_meter_id_meter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("meter_id", name=op.f("pk_meter_lock")),
    )
    op.create_table(
        "sale",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sale",
                "reversal",
                name="salekind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "reserved",
                "issued",
                "failed",
                name="salestatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column(
            "reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("vending_point_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "consumer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("point_region_id", sa.Integer(), nullable=False),
        sa.Column("consumer_region_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column(
            "meter_type",
            sa.Enum(
                "electricity",
                "water",
                "gas",
                "time",
                name="metertype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("shift_id", sa.Integer(), nullable=True),
        sa.Column("reserved_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("currency_decimals", sa.Integer(), nullable=False),
        sa.Column("by_quantity", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=True),
        sa.Column("token_units", sa.BigInteger(), nullable=False),
        sa.Column("carried_units", sa.BigInteger(), nullable=True),
        sa.Column("module_id", sa.Integer(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("receipt_number", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses_id IS NOT NULL)",
            name=op.f("ck_sale_reversal_names_sale"),
        ),
        sa.CheckConstraint(
            "(status = 'issued') = (receipt_number IS NOT NULL)",
            name=op.f("ck_sale_issued_has_receipt"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_sale_amount_not_negative")),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["consumer.id"], name=op.f("fk_sale_consumer_id_consumer")
        ),
        sa.ForeignKeyConstraint(
            ["consumer_region_id"], ["region.id"], name=op.f("fk_sale_consumer_region_id_region")
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"], name=op.f("fk_sale_meter_id_meter")),
        sa.ForeignKeyConstraint(
            ["module_id"], ["security_module.id"], name=op.f("fk_sale_module_id_security_module")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["ab_user.id"], name=op.f("fk_sale_operator_id_ab_user")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["tariff_plan.id"], name=op.f("fk_sale_plan_id_tariff_plan")
        ),
        sa.ForeignKeyConstraint(
            ["point_region_id"], ["region.id"], name=op.f("fk_sale_point_region_id_region")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["sale.id"], name=op.f("fk_sale_reverses_id_sale")
        ),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_sale_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale")),
        sa.UniqueConstraint("message_id", name=op.f("uq_sale_message_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_sale_reverses_id")),
        sa.UniqueConstraint(
            "vending_point_id",
            "receipt_number",
            name=op.f("uq_sale_vending_point_id_receipt_number"),
        ),
        sa.UniqueConstraint(
            "vending_point_id", "reference", name=op.f("uq_sale_vending_point_id_reference")
        ),
    )
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sale_business_date"), ["business_date"], unique=False)
        batch_op.create_index(batch_op.f("ix_sale_consumer_id"), ["consumer_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sale_consumer_region_id"), ["consumer_region_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sale_meter_id_business_date"),
            ["meter_id", "business_date"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_sale_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sale_plan_id"), ["plan_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sale_point_region_id"), ["point_region_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sale_status_reserved_at"), ["status", "reserved_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sale_vending_point_id_business_date"),
            ["vending_point_id", "business_date"],
            unique=False,
        )

    op.create_table(
        "user_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=False),
        sa.Column("seen", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("agent", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["ab_user.id"],
            name=op.f("fk_user_session_user_id_ab_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_user_session_secret_hash")),
    )
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "posting",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("entry_no", sa.Integer(), nullable=False),
        sa.Column("debit_id", sa.Integer(), nullable=False),
        sa.Column("credit_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("posted_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_posting_amount_positive")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_posting_two_accounts")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["ledger_account.id"], name=op.f("fk_posting_credit_id_ledger_account")
        ),
        sa.ForeignKeyConstraint(
            ["debit_id"], ["ledger_account.id"], name=op.f("fk_posting_debit_id_ledger_account")
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_posting_sale_id_sale")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
        sa.UniqueConstraint("sale_id", "entry_no", name=op.f("uq_posting_sale_id_entry_no")),
    )
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_posting_business_date"), ["business_date"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_posting_credit_id"), ["credit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_posting_debit_id"), ["debit_id"], unique=False)

    op.create_table(
        "reprint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("copy_number", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("printed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_reprint_sale_id_sale")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["ab_user.id"], name=op.f("fk_reprint_user_id_ab_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reprint")),
    )
    with op.batch_alter_table("reprint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reprint_sale_id"), ["sale_id"], unique=False)

    op.create_table(
        "sale_fee",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "purchase",
                "day",
                "week",
                "month",
                "year",
                name="chargemethod",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("charged_through", sa.Date(), nullable=False),
        sa.Column("assessed", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meter_id"], ["meter.id"], name=op.f("fk_sale_fee_meter_id_meter")
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_sale_fee_sale_id_sale")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_fee")),
        sa.UniqueConstraint("sale_id", "code", name=op.f("uq_sale_fee_sale_id_code")),
    )
    with op.batch_alter_table("sale_fee", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sale_fee_meter_id_code"), ["meter_id", "code"], unique=False
        )

    op.create_table(
        "sale_line",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_sale_line_sale_id_sale")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_line")),
        sa.UniqueConstraint("sale_id", "line_no", name=op.f("uq_sale_line_sale_id_line_no")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "credit",
                "key_change",
                "engineering",
                name="tokenkind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("sale_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "engineering_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("meter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("vending_point_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digits", sa.String(length=20), nullable=False),
        sa.Column("pan", sa.String(length=18), nullable=False),
        sa.Column("token_class", sa.Integer(), nullable=False),
        sa.Column("subclass", sa.Integer(), nullable=False),
        sa.Column("base_date", sa.Integer(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sgc", sa.String(length=6), nullable=False),
        sa.Column("krn", sa.Integer(), nullable=False),
        sa.Column("ti", sa.Integer(), nullable=False),
        sa.Column("ea", sa.Integer(), nullable=False),
        sa.Column("tct", sa.Integer(), nullable=False),
        sa.Column("kcv", sa.String(length=6), nullable=False),
        sa.Column("module_id", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["engineering_id"],
            ["engineering_record.id"],
            name=op.f("fk_token_engineering_id_engineering_record"),
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"], name=op.f("fk_token_meter_id_meter")),
        sa.ForeignKeyConstraint(
            ["module_id"], ["security_module.id"], name=op.f("fk_token_module_id_security_module")
        ),
        sa.ForeignKeyConstraint(["sale_id"], ["sale.id"], name=op.f("fk_token_sale_id_sale")),
        sa.ForeignKeyConstraint(
            ["vending_point_id"],
            ["vending_point.id"],
            name=op.f("fk_token_vending_point_id_vending_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_digits"), ["digits"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_token_engineering_id"), ["engineering_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_token_issued_at"), ["issued_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_token_meter_id"), ["meter_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_token_sale_id_position"), ["sale_id", "position"], unique=True
        )
        batch_op.create_index(
            batch_op.f("ix_token_vending_point_id"), ["vending_point_id"], unique=False
        )
        batch_op.create_index(
            "uq_token_pan_base_date_token_id",
            ["pan", "base_date", "token_id"],
            unique=True,
            sqlite_where=sa.text("token_id IS NOT NULL"),
            postgresql_where=sa.text("token_id IS NOT NULL"),
        )

    triggers.install(op.get_bind())


def downgrade() -> None:
    """Go back."""
    triggers.remove(op.get_bind())
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_token_pan_base_date_token_id",
            sqlite_where=sa.text("token_id IS NOT NULL"),
            postgresql_where=sa.text("token_id IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_token_vending_point_id"))
        batch_op.drop_index(batch_op.f("ix_token_sale_id_position"))
        batch_op.drop_index(batch_op.f("ix_token_meter_id"))
        batch_op.drop_index(batch_op.f("ix_token_issued_at"))
        batch_op.drop_index(batch_op.f("ix_token_engineering_id"))
        batch_op.drop_index(batch_op.f("ix_token_digits"))

    op.drop_table("token")
    op.drop_table("sale_line")
    with op.batch_alter_table("sale_fee", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sale_fee_meter_id_code"))

    op.drop_table("sale_fee")
    with op.batch_alter_table("reprint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reprint_sale_id"))

    op.drop_table("reprint")
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posting_debit_id"))
        batch_op.drop_index(batch_op.f("ix_posting_credit_id"))
        batch_op.drop_index(batch_op.f("ix_posting_business_date"))

    op.drop_table("posting")
    with op.batch_alter_table("user_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_session_user_id"))

    op.drop_table("user_session")
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sale_vending_point_id_business_date"))
        batch_op.drop_index(batch_op.f("ix_sale_status_reserved_at"))
        batch_op.drop_index(batch_op.f("ix_sale_point_region_id"))
        batch_op.drop_index(batch_op.f("ix_sale_plan_id"))
        batch_op.drop_index(batch_op.f("ix_sale_operator_id"))
        batch_op.drop_index(batch_op.f("ix_sale_meter_id_business_date"))
        batch_op.drop_index(batch_op.f("ix_sale_consumer_region_id"))
        batch_op.drop_index(batch_op.f("ix_sale_consumer_id"))
        batch_op.drop_index(batch_op.f("ix_sale_business_date"))

    op.drop_table("sale")
    op.drop_table("meter_lock")
    with op.batch_alter_table("engineering_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_engineering_record_vending_point_id_reference"))
        batch_op.drop_index(batch_op.f("ix_engineering_record_vending_point_id"))
        batch_op.drop_index(batch_op.f("ix_engineering_record_point_region_id"))
        batch_op.drop_index(batch_op.f("ix_engineering_record_operator_id"))
        batch_op.drop_index(batch_op.f("ix_engineering_record_meter_id"))
        batch_op.drop_index(batch_op.f("ix_engineering_record_created_at"))

    op.drop_table("engineering_record")
    op.drop_table("clock_confirmation")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entry_user_id"))
        batch_op.drop_index(batch_op.f("ix_audit_entry_table_name_row_id"))
        batch_op.drop_index(batch_op.f("ix_audit_entry_at"))

    op.drop_table("audit_entry")
    op.drop_table("ab_user_role")
    with op.batch_alter_table("ab_user_group", schema=None) as batch_op:
        batch_op.drop_index("idx_user_id")
        batch_op.drop_index("idx_user_group_id")

    op.drop_table("ab_user_group")
    with op.batch_alter_table("ab_api_key", schema=None) as batch_op:
        batch_op.drop_index("idx_api_key_user_id")
        batch_op.drop_index("idx_api_key_prefix")
        batch_op.drop_index("idx_api_key_lookup_hash")

    op.drop_table("ab_api_key")
    with op.batch_alter_table("tariff_tax", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tariff_tax_plan_id_code"))

    op.drop_table("tariff_tax")
    op.drop_table("tariff_step")
    with op.batch_alter_table("tariff_levy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tariff_levy_plan_id_code"))

    op.drop_table("tariff_levy")
    op.drop_table("tariff_fine")
    with op.batch_alter_table("tariff_fee", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tariff_fee_plan_id_code"))

    op.drop_table("tariff_fee")
    with op.batch_alter_table("sale_month", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sale_month_vending_point_id"))
        batch_op.drop_index(batch_op.f("ix_sale_month_region_id"))

    op.drop_table("sale_month")
    with op.batch_alter_table("sale_day", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sale_day_vending_point_id"))
        batch_op.drop_index(batch_op.f("ix_sale_day_region_id"))

    op.drop_table("sale_day")
    with op.batch_alter_table("meter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_meter_tariff_id"))
        batch_op.drop_index(batch_op.f("ix_meter_status"))
        batch_op.drop_index(batch_op.f("ix_meter_sgc"))
        batch_op.drop_index(batch_op.f("ix_meter_region_id"))
        batch_op.drop_index(batch_op.f("ix_meter_product_id"))
        batch_op.drop_index(batch_op.f("ix_meter_meter_type"))
        batch_op.drop_index(batch_op.f("ix_meter_consumer_id"))

    op.drop_table("meter")
    with op.batch_alter_table("consumer_term", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consumer_term_term_consumer_id"))
        batch_op.drop_index(batch_op.f("ix_consumer_term_consumer_id"))

    op.drop_table("consumer_term")
    op.drop_table("cash_account")
    with op.batch_alter_table("ab_user", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ab_user_vending_point_id"))
        batch_op.drop_index(batch_op.f("ix_ab_user_region_id"))
        batch_op.drop_index(batch_op.f("ix_ab_user_group_id"))

    op.drop_table("ab_user")
    with op.batch_alter_table("ab_permission_view_role", schema=None) as batch_op:
        batch_op.drop_index("idx_role_id")
        batch_op.drop_index("idx_permission_view_id")

    op.drop_table("ab_permission_view_role")
    with op.batch_alter_table("vending_point", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vending_point_region_id"))

    op.drop_table("vending_point")
    op.drop_table("user_group")
    with op.batch_alter_table("tariff_plan", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_tariff_plan_tariff_id_effective_from",
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_tariff_plan_tariff_id"))

    op.drop_table("tariff_plan")
    with op.batch_alter_table("supply_group_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supply_group_key_sgc"))
        batch_op.drop_index(batch_op.f("ix_supply_group_key_module_id"))

    op.drop_table("supply_group_key")
    op.drop_table("settings")
    with op.batch_alter_table("purchase_month", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_purchase_month_region_id"))

    op.drop_table("purchase_month")
    with op.batch_alter_table("purchase_day", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_purchase_day_region_id"))

    op.drop_table("purchase_day")
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_product_meter_type"))
        batch_op.drop_index(batch_op.f("ix_product_manufacturer_id"))

    op.drop_table("product")
    with op.batch_alter_table("consumer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consumer_region_id"))
        batch_op.drop_index(batch_op.f("ix_consumer_name"))

    op.drop_table("consumer")
    with op.batch_alter_table("ab_permission_view", schema=None) as batch_op:
        batch_op.drop_index("idx_view_menu_id")
        batch_op.drop_index("idx_permission_id")

    op.drop_table("ab_permission_view")
    with op.batch_alter_table("ab_group_role", schema=None) as batch_op:
        batch_op.drop_index("idx_group_role_id")
        batch_op.drop_index("idx_group_id")

    op.drop_table("ab_group_role")
    with op.batch_alter_table("tariff", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tariff_meter_type"))

    op.drop_table("tariff")
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_failure_subject"))
        batch_op.drop_index(batch_op.f("ix_sign_in_failure_failed_at"))

    op.drop_table("sign_in_failure")
    op.drop_table("seeded_permission")
    with op.batch_alter_table("security_module", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_security_module_active_sts6",
            sqlite_where=sa.text("active AND serves_sts6"),
            postgresql_where=sa.text("active AND serves_sts6"),
        )
        batch_op.drop_index(
            "uq_security_module_active_legacy",
            sqlite_where=sa.text("active AND serves_legacy"),
            postgresql_where=sa.text("active AND serves_legacy"),
        )

    op.drop_table("security_module")
    with op.batch_alter_table("region", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_region_country_name",
            sqlite_where=sa.text("parent_id IS NULL"),
            postgresql_where=sa.text("parent_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_region_path"))
        batch_op.drop_index(batch_op.f("ix_region_parent_id"))

    op.drop_table("region")
    op.drop_table("module_token_id")
    op.drop_table("module_answer")
    op.drop_table("manufacturer")
    op.drop_table("licence")
    with op.batch_alter_table("ledger_account", schema=None) as batch_op:
        batch_op.drop_index("uq_ledger_account_code")

    op.drop_table("ledger_account")
    op.drop_table("currency")
    op.drop_table("ab_view_menu")
    op.drop_table("ab_role")
    op.drop_table("ab_register_user")
    op.drop_table("ab_permission")
    op.drop_table("ab_group")
