"""The licence in force, and the one place that asks it: may a meter be added, may something be sold.

What counts is the signed text of the newest row, checked against the public key that the roof
has handed down with the engine (`trust`); a row without a text is the community licence.
A clock that is turned back gains nothing: the day is never before the newest sale, token or
change since the licence was loaded, nor before the day it was issued.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import Engine, Row, func, select, update
from sqlalchemy.orm import Session, object_session

from app.db import transaction
from app.domain import errors, licence
from app.domain.calendar import business_date
from app.domain.licence import COMMUNITY, Standing, State, Terms
from app.models import AuditEntry, Licence, Meter, Sale, Settings, Token
from app.models.base import now
from app.services import licence_file

EVERYTHING = {"unscoped": True}
CLOCKS_DIFFER = timedelta(days=1)
_KEY = "licence_key"


def trust(engine: Engine, public_key: str) -> None:
    """Let licences of this engine's database be checked with the issuer's key ("": trust none)."""
    engine.update_execution_options(**{_KEY: public_key})


def issuer_known(session: Session) -> bool:
    """Whether a public key is set, so that a licence file can be checked at all."""
    return bool(_key_of(session))


# --- what may be done -----------------------------------------------------------------------


def meters_left(session: Session, instant: datetime | None = None) -> int | None:
    """How many more meters may be added now; None: any number.  For showing: it locks nothing."""
    return standing(session, instant).meters_left


def require_room(session: Session, wanted: int = 1, instant: datetime | None = None) -> None:
    """Refuse unless `wanted` more meters may be added; then nobody else adds one until the commit.

    Call it in the transaction that adds them, before they are written: two who add the last
    allowed meter wait for each other here, and the second one is refused.
    Raises LicenceEnded, LicenceUnproven, LicenceFull; they leave nothing stored.
    """
    _one_at_a_time(session)
    now_standing = standing(session, instant)
    left = now_standing.meters_left
    if left is None or wanted <= left:
        return
    if now_standing.state is not State.VALID:
        raise licence.LicenceEnded(until=now_standing.terms.valid_until)
    if not now_standing.proven:
        raise licence.LicenceUnproven
    raise errors.LicenceFull(maximum=now_standing.terms.meters_allowed)


def require_selling(row: Licence | None, tz_name: str, today: date) -> None:
    """Refuse a sale when the licence `row` and its days of grace are over.  Raises LicenceExpired.

    A licence without an end, such as the community's, costs no statement.
    """
    session = None if row is None else object_session(row)
    if row is None or session is None or not row.signed_text:
        return
    terms, _proven = _terms(row, _key_of(session))
    if terms.valid_until is None:
        return
    if Standing(terms, max(today, _mark(session, row, tz_name)), 0).state is State.OVER:
        raise errors.LicenceExpired(until=terms.valid_until)


# --- what is shown --------------------------------------------------------------------------


def standing(session: Session, instant: datetime | None = None, *, roughly: bool = False) -> Standing:
    """The licence in force with today's business day and the meters of the whole installation.

    `roughly`: they are not counted while there are surely too few of them to warn of, which takes as long for
    any number of them; then `meters` is at least what there are.
    """
    row, tz_name = newest(session), _settings(session).time_zone
    today = business_date(instant or now(), tz_name)
    if row is None or not row.signed_text:
        terms, proven = COMMUNITY, True
    else:
        terms, proven = _terms(row, _key_of(session))
        today = max(today, _mark(session, row, tz_name))
    if roughly:
        most = session.execute(select(func.coalesce(func.max(Meter.id), 0)), execution_options=EVERYTHING).scalar_one()
        about = Standing(terms, today, int(most), proven)
        if not about.few_left:
            return about
    meters = session.execute(select(func.count()).select_from(Meter), execution_options=EVERYTHING).scalar_one()
    return Standing(terms, today, meters, proven)


def newest(session: Session) -> Licence | None:
    """The row that counts."""
    return session.execute(select(Licence).order_by(Licence.id.desc()).limit(1)).scalar_one_or_none()


def installation(session: Session) -> str:
    """The name that a licence may be bound to."""
    return _settings(session).installation or ""


# --- loading and falling back ---------------------------------------------------------------


def load(text: str, instant: datetime | None = None) -> Terms:
    """Take a licence file; it counts from now on.

    Raises NoLicenceKey, NotALicence, ForgedLicence, LicenceOfAnother, LicenceFromAhead,
    LicenceOverAlready, OlderLicence; then nothing has changed.
    """
    at = instant or now()
    with transaction() as session:
        key = _key_of(session)
        if not key:
            raise licence.NoLicenceKey
        terms = licence_file.read(text, key)
        _one_at_a_time(session)
        _require_acceptable(session, terms, at)
        session.add(_row(session, terms, text))
    return terms


def fall_back(instant: datetime | None = None) -> None:
    """Go back to the community licence, as long as nothing is limited.  Raises LimitsStay."""
    with transaction() as session:
        _one_at_a_time(session)
        row = newest(session)
        if row is None or not row.signed_text:
            return
        if standing(session, instant).limits:
            raise licence.LimitsStay
        session.add(_row(session, COMMUNITY, ""))


def may_fall_back(session: Session, now_standing: Standing) -> bool:
    """Whether a licence was loaded that limits nothing."""
    row = newest(session)
    return row is not None and bool(row.signed_text) and not now_standing.limits


def _require_acceptable(session: Session, terms: Terms, at: datetime) -> None:
    if terms.issued_at is None:
        raise AssertionError("a file says when it was issued")
    if terms.installation is not None and terms.installation != installation(session):
        raise licence.LicenceOfAnother(installation=terms.installation)
    if terms.issued_at > at + CLOCKS_DIFFER:
        raise licence.LicenceFromAhead(issued=terms.issued_at)
    today = business_date(at, _settings(session).time_zone)
    if Standing(terms, today, 0).state is not State.VALID:
        raise licence.LicenceOverAlready(until=terms.valid_until)
    newer = session.execute(select(func.max(Licence.issued_at))).scalar_one()
    if newer is not None and terms.issued_at <= newer:
        raise licence.OlderLicence(issued=terms.issued_at, loaded=newer)


def _row(session: Session, terms: Terms, text: str) -> Licence:
    def newest_id(table: type[Sale | Token | AuditEntry]) -> int:
        found = session.execute(select(func.coalesce(func.max(table.id), 0)), execution_options=EVERYTHING)
        return int(found.scalar_one())

    return Licence(
        holder=terms.holder, valid_until=terms.valid_until, meters_allowed=terms.meters_allowed,
        issued_at=terms.issued_at, signed_text=text, after_sale_id=newest_id(Sale),
        after_token_id=newest_id(Token), after_audit_id=newest_id(AuditEntry),
    )  # fmt: skip


# --- how it is known ------------------------------------------------------------------------


def _terms(row: Licence, key: str) -> tuple[Terms, bool]:
    """What a loaded row allows, and whether the trusted issuer signed just that."""
    try:
        return _signed(row.signed_text, key), True
    except (licence.LicenceFileRefused, licence_file.BadKey):
        pass
    try:
        # Whatever it claims of its end still binds: a broken signature never lengthens it.
        return licence_file.claims(row.signed_text), False
    except licence.NotALicence:
        return Terms(row.holder, row.valid_until, row.meters_allowed, issued_at=row.issued_at), False


@lru_cache(maxsize=32)
def _signed(text: str, key: str) -> Terms:
    return licence_file.read(text, key)


def _mark(session: Session, row: Licence, tz_name: str) -> date:
    """The day that is surely reached: of the newest sale, token and change since the licence was loaded.

    NB: the newest instant is not that of the newest row, because the clock may have been turned.
    """
    tables: tuple[tuple[type[Sale | Token | AuditEntry], object, int], ...] = (
        (Sale, Sale.business_date, row.after_sale_id),
        (Token, Token.issued_at, row.after_token_id),
        (AuditEntry, AuditEntry.at, row.after_audit_id),
    )
    latest = [
        select(moment).where(table.id > after).order_by(moment.desc()).limit(1).scalar_subquery()  # type: ignore[attr-defined, call-overload]
        for table, moment, after in tables
    ]
    found: Row[tuple[date | None, datetime | None, datetime | None]] = session.execute(
        select(*latest), execution_options=EVERYTHING
    ).one()
    sold, *instants = found
    reached = [business_date(moment, tz_name) for moment in (*instants, row.issued_at) if moment is not None]
    return max([*reached, *([sold] if sold else [])], default=date.min)


def _key_of(session: Session) -> str:
    bind = session.get_bind()
    return str(bind.get_execution_options().get(_KEY, ""))


def _settings(session: Session) -> Settings:
    return session.execute(select(Settings).where(Settings.id == 1)).scalar_one()


def _one_at_a_time(session: Session) -> None:
    """Take the lock that whoever adds meters or changes the licence needs; it ends with the transaction.

    Reading the settings, as every sale does, never waits for it.
    """
    table = Settings.__table__
    session.execute(update(table).where(table.c.id == 1).values(id=1))
