"""The rows that every installation starts with; running it again changes nothing.

Currencies, the settings row, the community licence, groups, the software module (setup_module),
the first administrator and the compiled translations.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from app.access.roles import GROUPS
from app.db import transaction
from app.domain.licence import COMMUNITY
from app.models import (
    AppUser,
    Currency,
    Licence,
    Settings,
    UserGroup,
)
from app.setup_module import seed_module

CURRENCIES = (("USD", "US dollar", "$"), ("EUR", "Euro", "€"), ("CNY", "Chinese yuan", "¥"))
ADMINISTRATOR = "admin"


def seed_data(app: Flask) -> list[str]:
    """Add what is missing; says what was added, a line each."""
    done = []
    with transaction() as session:
        _base(session)
        _groups(session)
        done += seed_module(session, app.config)
        done += _administrator(session)
    # NB: the framework has put its own folder in front of ours.
    ours = app.config["BABEL_TRANSLATION_DIRECTORIES"].rpartition(";")[2]
    done += compile_translations(Path(ours))
    return done


def _base(session: Session) -> None:
    known = set(session.execute(select(Currency.code)).scalars())
    session.add_all(
        Currency(code=code, name=name, symbol=symbol, decimals=2)
        for code, name, symbol in CURRENCIES
        if code not in known
    )
    session.flush()
    if session.get(Settings, 1) is None:
        dollar = session.execute(select(Currency).where(Currency.code == "USD")).scalar_one()
        session.add(Settings(id=1, currency_id=dollar.id))
    if not session.execute(select(func.count(Licence.id))).scalar_one():
        session.add(Licence(holder=COMMUNITY.holder, meters_allowed=COMMUNITY.meters_allowed))


def _groups(session: Session) -> None:
    """One group for each seeded role; a group that was renamed keeps its role and is left alone."""
    from flask_appbuilder.security.sqla.models import Role

    taken = set(session.execute(select(UserGroup.role_id)).scalars())
    for name, description, row_scope in GROUPS:
        role = session.execute(select(Role).where(Role.name == name)).scalar_one()
        if role.id not in taken:
            session.add(UserGroup(name=name, description=description, role_id=role.id, row_scope=row_scope))


def _administrator(session: Session) -> list[str]:
    """The first administrator, with a password that is shown once and must be changed."""
    if session.execute(select(func.count(AppUser.id))).scalar_one():
        return []
    group = session.execute(
        select(UserGroup).where(UserGroup.row_scope == "all").order_by(UserGroup.id)
    ).scalars().first()  # fmt: skip
    if group is None:
        raise AssertionError("the groups were made before")
    password = secrets.token_urlsafe(16)  # 128 bits
    session.add(
        AppUser(
            username=ADMINISTRATOR,
            first_name="First",
            last_name="Administrator",
            email="admin@localhost",
            active=True,
            password=generate_password_hash(password),
            group_id=group.id,
            must_change_password=True,
        )
    )
    return [f"first administrator: {ADMINISTRATOR}, password {password} (to be changed at first sign-in)"]


def compile_translations(folder: Path) -> list[str]:
    """Compile every catalogue that is newer than its compiled form."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    done = []
    for source in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        locale = source.parent.parent.name
        with source.open("rb") as file:
            catalogue = read_po(file, locale=locale)
        draft = target.with_name(f"{secrets.token_hex(4)}.mo")  # two installations may share the program
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.replace(target)
        done.append(f"translation {locale} compiled")
    return done
