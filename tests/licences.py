"""Licences of tests: signed with a key that is made anew in every run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.db import transaction
from app.domain.licence import Terms
from app.models import Licence
from app.services import licence_file
from app.services.licensing import _row

ISSUER = licence_file.new_keys(None)
STRANGER = licence_file.new_keys(None)


def terms(**changes: Any) -> Terms:
    """A licence for a hundred meters and ninety days, issued a minute ago."""
    usual = Terms(
        "Lake Power",
        valid_until=datetime.now(UTC).date() + timedelta(days=90),
        meters_allowed=100,
        issued_at=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1),
    )
    return replace(usual, **changes)


def signed(issuer: licence_file.KeyPair = ISSUER, **changes: Any) -> str:
    """The file of such a licence."""
    return licence_file.write(terms(**changes), issuer.private)


def put(valid_until: date | None = None, meters_allowed: int | None = None, issuer: licence_file.KeyPair = ISSUER) -> None:
    """A licence that stands in the books already, ended or not: nobody asks whether it may be loaded."""
    wanted = terms(valid_until=valid_until, meters_allowed=meters_allowed)
    if valid_until is not None:
        wanted = replace(wanted, issued_at=datetime(valid_until.year - 1, 1, 1, tzinfo=UTC))
    text = licence_file.write(wanted, issuer.private)
    with transaction() as session:
        session.add(_row(session, wanted, text))


def claim(**columns: Any) -> None:
    """A row that somebody wrote into the table by hand."""
    with transaction() as session:
        session.add(Licence(**columns))
