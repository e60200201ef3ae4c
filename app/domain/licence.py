"""What a licence allows, and on which day it limits what (manual S8).

A licence limits two things only: registering meters, and selling.  Reading and exporting it never
limits.  Its last day counts whole; after it no meter is added, and 14 days later nothing is sold.

>>> small = Terms("Lake Water", valid_until=date(2027, 6, 30), meters_allowed=500)
>>> [Standing(small, date(2027, month, day), 499).state.value for month, day in ((6, 30), (7, 1), (7, 14), (7, 15))]
['valid', 'grace', 'grace', 'over']
>>> Standing(small, date(2027, 6, 30), 499).meters_left, Standing(small, date(2027, 7, 1), 499).meters_left
(1, 0)
>>> Standing(COMMUNITY, date(2199, 1, 1), 499).meters_left
999501
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.errors import InstallationRefusal

GRACE_DAYS = 14
WARN_DAYS = 30
# The home page tells of a twentieth that is left.
FEW_SHARE = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence says.  None: no end, no limit, any installation; `issued_at` None: built in."""

    holder: str
    valid_until: date | None = None
    meters_allowed: int | None = None
    installation: str | None = None
    issued_at: datetime | None = None


# Built in, for whoever has loaded none: free of charge, without an end.
COMMUNITY = Terms("Community", meters_allowed=1_000_000)


class State(StrEnum):
    """Whether it is in force on a day."""

    VALID = "valid"
    GRACE = "grace"  # no new meters, selling goes on
    OVER = "over"  # no new meters, no selling


@dataclass(frozen=True, slots=True)
class Standing:
    """A licence on a business day of the installation, with the meters that are registered.

    `proven` False: what is stored does not bear the signature that this installation trusts.
    """

    terms: Terms
    today: date
    meters: int
    proven: bool = True

    @property
    def state(self) -> State:
        """In force, in its days of grace, or over."""
        if self.days_left is None or self.days_left >= 0:
            return State.VALID
        return State.GRACE if self.days_left >= -GRACE_DAYS else State.OVER

    @property
    def days_left(self) -> int | None:
        """Days after today on which it is still in force; below zero: ended so many days ago."""
        return None if self.terms.valid_until is None else (self.terms.valid_until - self.today).days

    @property
    def sells_until(self) -> date | None:
        """The last day on which may be sold."""
        return None if self.terms.valid_until is None else self.terms.valid_until + timedelta(GRACE_DAYS)

    @property
    def meters_left(self) -> int | None:
        """How many more meters may be registered today; None: any number."""
        if self.state is not State.VALID or not self.proven:
            return 0
        allowed = self.terms.meters_allowed
        return None if allowed is None else max(0, allowed - self.meters)

    @property
    def ends_soon(self) -> bool:
        """Whether it is in force and its end is at most thirty days ahead."""
        return self.days_left is not None and 0 <= self.days_left <= WARN_DAYS

    @property
    def few_left(self) -> bool:
        """Whether a twentieth of the meters, or none, is left of a licence in force."""
        allowed, left = self.terms.meters_allowed, self.meters_left
        return self.state is State.VALID and allowed is not None and left is not None and left * FEW_SHARE <= allowed

    @property
    def limits(self) -> bool:
        """Whether anything is refused because of it."""
        return self.meters_left == 0


# --- why something is refused ---------------------------------------------------------------


class LicenceEnded(InstallationRefusal, code="licence_ended", names="until"):
    """The licence is over, so no meter is added."""


class LicenceUnproven(InstallationRefusal, code="licence_unproven"):
    """What is stored is not what the issuer signed, so no meter is added."""


class LicenceFileRefused(InstallationRefusal, code="licence_file_refused", field="file"):
    """The file that was given is not taken."""


class NotALicence(LicenceFileRefused, code="not_a_licence"):
    """It is no licence file of version 1."""


class NoLicenceKey(LicenceFileRefused, code="no_licence_key"):
    """This installation trusts no issuer: no public key is set."""


class ForgedLicence(LicenceFileRefused, code="forged_licence"):
    """The signature is not the trusted issuer's: altered, made up, or another issuer's."""


class LicenceOfAnother(LicenceFileRefused, code="licence_of_another", names="installation"):
    """It was issued for another installation."""


class LicenceOverAlready(LicenceFileRefused, code="licence_over_already", names="until"):
    """Its last day is past."""


class OlderLicence(LicenceFileRefused, code="older_licence", names="issued loaded"):
    """A licence issued later, or this very one, was loaded before."""


class LicenceFromAhead(LicenceFileRefused, code="licence_from_ahead", names="issued"):
    """It was issued later than this computer believes it is: its clock is behind."""


class LimitsStay(LicenceFileRefused, code="limits_stay"):
    """What a licence limits is not shed by going back to the community licence."""
