"""What an act would ask of the module: the meter is looked at, refused where it must be, and written down.

Read after the meter's lock, inside the caller's transaction; no network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.scope import Scope, require
from app.domain import errors
from app.domain.engineering import FUNCTIONS, KEY_CHANGE, METER_TEST
from app.domain.states import MeterStatus
from app.models import ModuleHealth, SecurityModule, Settings, SupplyGroupKey, VendingPoint
from app.services.desk import Desk, Place, read_desk
from app.services.issue import meter_to_ask
from app.services.key_changes import amendment_for
from app.services.key_due import require_living_key
from app.services.meter_keys import UNIQUE_KEY
from app.services.reserve import lock_meter
from app.services.snapshot import freeze
from app.services.switch_over import minute_to_ask
from app.sts import meter_test
from app.sts.errors import StsError
from app.sts.module import Amendment

#: Manufacturer codes of two digits belong to class 1, subclass 0, those of four to subclass 1.
TEST_SUBCLASS = {2: 0, 4: 1}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the desk.

    `function`: a name of `FUNCTIONS`, KEY_CHANGE or METER_TEST.  `value`: in the function's unit.
    `target`: SGC, KRN and TI of a key change.  `tests` and `maker`: numbers of `meter_test.TESTS` and the
    manufacturer's code for a class 1 token, which has no meter.
    """

    reference: str
    function: str
    vending_point_id: int
    operator_id: int
    reason: str
    meter_number: str | None = None
    value: int = 0
    target: tuple[str, int, int] | None = None
    tests: tuple[int, ...] = ()
    maker: str = ""
    operator_name: str = ""

    @property
    def details(self) -> dict[str, Any]:
        """What makes two orders under one reference the same."""
        return {
            "meter_number": self.meter_number, "value": self.value,
            "target": list(self.target) if self.target else None,
            "tests": list(self.tests), "maker": self.maker,
        }  # fmt: skip

    @property
    def stored(self) -> str:
        """The details as the record holds them."""
        return json.dumps(self.details, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The exact request (JSON), the facts of the slip, and the module that is to be asked."""

    request: str
    snapshot: str
    module: SecurityModule | None
    health: ModuleHealth | None
    meter_id: int | None


def prepare(
    session: Session, wanted: Wanted, point: VendingPoint, scope: Scope, instant: datetime, ahead: timedelta
) -> Prepared:
    """Look at the meter and write the request.

    Raises UnknownMeter, MeterBlocked (a removed one), NoModule, MeterWithoutKey, FunctionNotForMeter,
    ValueOutOfRange, KeyExpired, ClockBehind, ClockAhead; for a key change KeyAlreadyThere, KeyChangeOpen, KeyNotHeld.
    """
    if wanted.function == METER_TEST:
        return _test(session, wanted, point)
    if wanted.meter_number is None:
        raise errors.UnknownMeter
    lock_meter(session, wanted.meter_number)
    desk = read_desk(session, wanted.meter_number, Place(point.id), instant, ahead)
    _require_meter(desk, scope)
    if desk.module is None or desk.key is None:
        raise AssertionError("the desk was checked before")
    work = _key_change if wanted.function == KEY_CHANGE else _management
    request = work(session, desk, wanted, instant)
    facts = _facts(desk, point, wanted)
    return Prepared(json.dumps(request, sort_keys=True), facts, desk.module, desk.health, desk.meter.id)


def _require_meter(desk: Desk, scope: Scope) -> None:
    meter = desk.meter
    try:
        require(meter, scope)
    except errors.OutOfScope:
        raise errors.UnknownMeter from None
    if meter.status is MeterStatus.REMOVED:
        raise errors.MeterBlocked(
            status=meter.status, reason=meter.status_reason or "", since=meter.status_since
        )
    if desk.module is None:
        raise errors.NoModule(algorithm=meter.algorithm)
    if desk.key is None:
        raise errors.MeterWithoutKey(sgc=meter.sgc, krn=meter.krn)


def _management(session: Session, desk: Desk, wanted: Wanted, instant: datetime) -> dict[str, Any]:
    function, meter = FUNCTIONS[wanted.function], desk.meter
    if meter.meter_type not in function.meter_types:
        raise errors.FunctionNotForMeter
    if not function.allows(wanted.value):
        raise errors.ValueOutOfRange(minimum=0, maximum=function.most)
    amendment = amendment_for(meter)
    if amendment is None and desk.key is not None:
        require_living_key(desk.key, desk.settings.token_offset_minutes, instant)
    desk.clock.check(instant)
    return {
        "kind": "management",
        "meter": meter_to_ask(meter, credit=False, amendment=amendment),
        "subclass": function.subclass,
        "value": wanted.value,
        "issue_time": minute_to_ask(session, desk, instant).isoformat(),
        "offset_minutes": desk.settings.token_offset_minutes,
    }


def _key_change(session: Session, desk: Desk, wanted: Wanted, instant: datetime) -> dict[str, Any]:
    """The old key may have expired; the new one must live, be held by the same module and fit the meter."""
    meter, module = desk.meter, desk.module
    if wanted.target is None or module is None:
        raise AssertionError("a key change leads somewhere")
    target = Amendment(*wanted.target)
    under_way = amendment_for(meter)
    if under_way is not None and under_way != target:
        raise errors.KeyChangeOpen(sgc=under_way.sgc, krn=under_way.krn, ti=under_way.ti)
    new = session.execute(
        select(SupplyGroupKey).where(
            SupplyGroupKey.module_id == module.id, SupplyGroupKey.sgc == target.sgc,
            SupplyGroupKey.krn == target.krn, SupplyGroupKey.key_type == UNIQUE_KEY,
        )
    ).scalar_one_or_none()  # fmt: skip
    if new is None or new.algorithm is not meter.algorithm:
        raise errors.KeyNotHeld(sgc=target.sgc, krn=target.krn, module=module.name)
    if Amendment(meter.sgc, meter.krn, meter.ti) == target and meter.ken == new.ken:
        raise errors.KeyAlreadyThere
    require_living_key(new, desk.settings.token_offset_minutes, instant)
    return {
        "kind": "key_change",
        "meter": meter_to_ask(meter, credit=False, amendment=None),
        "target": list(wanted.target),
        "offset_minutes": desk.settings.token_offset_minutes,
    }


def _test(session: Session, wanted: Wanted, point: VendingPoint) -> Prepared:
    """A class 1 token is the same for every meter: no key, no token id, no module."""
    try:
        subclass = TEST_SUBCLASS[len(wanted.maker)]
        control = meter_test.control_of(wanted.tests, subclass)
        if not wanted.tests:
            raise errors.ValueOutOfRange(minimum=1, maximum=len(meter_test.TESTS))
    except (KeyError, StsError):
        raise errors.ValueOutOfRange(minimum=0, maximum=len(meter_test.TESTS)) from None
    settings = session.get_one(Settings, 1)
    request = {
        "kind": "meter_test", "subclass": subclass, "control": control, "maker": int(wanted.maker),
        "offset_minutes": settings.token_offset_minutes,
    }  # fmt: skip
    facts = _common(settings, point, wanted)
    return Prepared(json.dumps(request, sort_keys=True), _frozen(facts), None, None, None)


def _common(settings: Settings, point: VendingPoint, wanted: Wanted) -> dict[str, Any]:
    return {
        "operator": wanted.operator_name,
        "utility": {
            "name": settings.utility_name, "address": settings.utility_address,
            "telephone": settings.utility_telephone, "tax_number": settings.tax_number,
            "header": settings.slip_header, "footer": settings.slip_footer, "time_zone": settings.time_zone,
            "copy_text": settings.slip_copy_text,
        },
        "point": {"name": point.name, "code": point.code, "region": point.region.full_name},
    }  # fmt: skip


def _facts(desk: Desk, point: VendingPoint, wanted: Wanted) -> str:
    meter, consumer = desk.meter, desk.consumer
    facts = _common(desk.settings, point, wanted) | {
        "consumer": None if consumer is None else {
            "name": consumer.name, "user_number": consumer.user_number, "language": consumer.language,
        },
        "meter": {
            "meter_number": meter.meter_number, "address": meter.address, "region": desk.region.full_name,
            "product": str(desk.product), "meter_type": meter.meter_type.value,
            "algorithm": meter.algorithm.value, "sgc": meter.sgc, "krn": meter.krn, "ti": meter.ti, "ken": meter.ken,
            "ea": meter.ea, "tct": meter.tct, "base_date": desk.key.base_date if desk.key else None,
        },
        "demonstration_key": bool(desk.key and desk.key.demonstration),
    }  # fmt: skip
    return _frozen(facts)


def _frozen(facts: dict[str, Any]) -> str:
    return json.dumps(freeze(facts), sort_keys=True, ensure_ascii=False)


