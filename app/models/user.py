"""User and user group.

FAB's user table with the columns the manual asks for.  A user has exactly one group; the
group owns one FAB role and says which rows its people see (`row_scope`).  Decision 0005.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import BigInteger, Boolean, ForeignKey, Integer, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import RowScope, SignInAnswer
from app.models.base import BigKey, Stamped, UTCDateTime, words
from app.models.region import Region
from app.models.vending_point import VendingPoint


class UserGroup(Stamped, Model):
    """A kind of people: what they may do (the role) and whose rows they see (the scope)."""

    __tablename__ = "user_group"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    description: Mapped[str | None] = mapped_column(String(200))
    role_id: Mapped[int] = mapped_column(ForeignKey("ab_role.id"), unique=True)
    row_scope: Mapped[RowScope] = mapped_column(words(RowScope), default=RowScope.VENDING_POINT)
    # Off: nobody is put into it any more; who is in it stays as they are.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    # Whether its people sign in with a second factor, and are asked to set one up.
    second_factor: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    role: Mapped[Role] = relationship(Role)

    def __str__(self) -> str:
        return self.name


class AppUser(User):  # type: ignore[misc]
    """Somebody who signs in.  FAB's `active` is the status of the manual (S5)."""

    __tablename__ = "ab_user"

    group_id: Mapped[int | None] = mapped_column(ForeignKey("user_group.id"), index=True)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    vending_point_id: Mapped[int | None] = mapped_column(ForeignKey("vending_point.id"), index=True)
    language: Mapped[str | None] = mapped_column(String(8))
    theme: Mapped[str | None] = mapped_column(String(8))
    # Whether keys like / and ? act outside fields; who speaks to the computer switches them off.
    single_keys: Mapped[bool] = mapped_column(Boolean, default=True, server_default="1")
    # The `Paper` this person printed on last.
    slip_paper: Mapped[str | None] = mapped_column(String(8))
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False, server_default="0")
    phone: Mapped[str | None] = mapped_column(String(40))
    # Rows of a list page, and the page after the sign-in (a line of the menu); NULL is the usual one.
    page_size: Mapped[int | None] = mapped_column(Integer)
    start_page: Mapped[str | None] = mapped_column(String(40))
    # The secret of the second factor, sealed with credentials.key; since when it counts (NULL: it was not tried
    # yet); and the newest half minute whose code was used, so that none works twice.
    totp_sealed: Mapped[str | None] = mapped_column(String(200))
    totp_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    # Rises when somebody changes the person's page.  NB: not the mapper's own version: a sign-in
    # writes to this row as well, and must neither fail nor make an open form old.
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")

    group: Mapped[UserGroup | None] = relationship(UserGroup)
    region: Mapped[Region | None] = relationship(Region)
    vending_point: Mapped[VendingPoint | None] = relationship(VendingPoint)

    @property
    def person(self) -> str:
        """The full name, or the user name of somebody without one."""
        return f"{self.first_name or ''} {self.last_name or ''}".strip() or str(self.username)


class UserSession(Model):
    """One signed-in browser.  The cookie carries a random id, the table only its hash.

    A row that is ended, or too old, stops its cookie at the next request, a copied one
    included.
    """

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    started: Mapped[object] = mapped_column(UTCDateTime)
    seen: Mapped[object] = mapped_column(UTCDateTime)
    ended: Mapped[object | None] = mapped_column(UTCDateTime)
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(200))


class SignInFailure(Model):
    """A failed sign-in, counted per account and per address for a while; both only as hashes."""

    __tablename__ = "sign_in_failure"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    failed_at: Mapped[object] = mapped_column(UTCDateTime, index=True)


class FailedSignIn(Model):
    """Failed sign-ins of one hour that are alike, for those who look after people; no person: nobody has the name.

    NB: what was typed is not here: it may be a password in the wrong field.
    """

    __tablename__ = "failed_sign_in"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    hour: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    # "" gathers those of very many addresses.
    address: Mapped[str] = mapped_column(String(64))
    answer: Mapped[SignInAnswer] = mapped_column(words(SignInAnswer))
    times: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)

    user: Mapped[AppUser | None] = relationship(AppUser)


class SeededPermission(Model):
    """A permission that a seeded role was given once.

    What stands here is never given again: an administrator may have taken it away.
    """

    __tablename__ = "seeded_permission"

    role_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    permission: Mapped[str] = mapped_column(String(160), primary_key=True)
