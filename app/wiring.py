"""The roof: puts one application together.  Wiring only, no rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

import config as settings_file
from app import logs
from app.extensions import Migrations, csrf, db

ROOT = Path(__file__).resolve().parent.parent


def build(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Create the application from the environment and `overrides`; writes nothing anywhere."""
    app = Flask("app", root_path=str(ROOT / "app"))
    app.config.from_mapping(settings_file.load(overrides=overrides))
    if not app.config["TESTING"]:  # there pytest keeps what is logged
        logs.install(app.config["LOG_FORMAT"])
    db.init_app(app)
    Migrations(app, str(ROOT / "migrations"))
    csrf.init_app(app)
    app.extensions["modules"] = _modules(app)
    with app.app_context():  # FAB 5 needs a context for init and every add_view
        _databases(app)
        _views(app)
    from app import cli

    cli.register(app)
    return app


def _databases(app: Flask) -> None:
    from app import models  # noqa: F401  (all tables must be known before FAB looks)
    from app.access import attempts
    from app.db import configure_sqlite
    from app.services import licensing, mail

    in_redis = app.config["ATTEMPTS_IN"] == "redis"
    attempts.keep_in(db.engine, app.config["REDIS_URL"] or "" if in_redis else "")
    licensing.trust(db.engine, app.config["LICENCE_KEY"])
    given = app.config
    mail.deliver_by(
        db.engine,
        mail.Way(
            given["OUTBOX_DIR"], given["MAIL_FROM"], given["MAIL_SERVER"] or "", given["MAIL_PORT"],
            given["MAIL_USER"] or "", given["MAIL_PASSWORD"] or "", given["MAIL_TLS"],
        ),
    )  # fmt: skip
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        configure_sqlite(db.engine)
    else:
        from app.postgresql import configure_postgresql

        configure_postgresql(db.engine)


def _modules(app: Flask) -> object:
    """The security modules; the key store is opened by the first sale, not by starting."""
    from functools import cache

    from app.services.module_journal import DatabaseJournal
    from app.services.security_module import InstalledModules, Timing
    from app.sts.keystore import KeyStore, read_passphrase
    from app.sts.software import SoftwareModule

    @cache
    def vending_keys() -> tuple[Any, ...]:
        passphrase = read_passphrase(app.config["PASSPHRASE_FILE"])
        return KeyStore.open(app.config["KEYSTORE_FILE"], passphrase).keys

    def software(name: str, offset_minutes: int) -> SoftwareModule:
        return SoftwareModule(
            name,
            vending_keys(),
            DatabaseJournal(),
            tid_offset_minutes=offset_minutes,
            tables=app.config["STA_TABLES"],
        )

    timing = Timing.within(app.config["MODULE_WAIT_S"])
    return InstalledModules(software, app.config["CREDENTIALS_FILE"], timing)


def _views(app: Flask) -> None:
    from app.access.guard import install_guard
    from app.views import doors, register
    from app.views.home import HomeView
    from app.views.security import AppSecurityManager, StsAppBuilder

    # Made per application: an AppBuilder holds state of its application.
    appbuilder = StsAppBuilder(
        security_manager_class=AppSecurityManager,
        base_template="appbuilder/baselayout.html",
        indexview=HomeView,
    )
    appbuilder.init_app(app, db.session)
    install_guard(db.session)
    doors.install(app)
    register(appbuilder)
