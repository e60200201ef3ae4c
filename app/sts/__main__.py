"""The engine from the shell, for people without the web program.

    python -m app.sts issue --meter 00000000000 --sgc 201457 --kind electricity --amount 25.5
    python -m app.sts decode --meter 00000000000 --sgc 201457 '7063 0503 4700 2872 6114'
    python -m app.sts keychange --meter 00000000000 --sgc 201457 --to-sgc 201457 --to-krn 2
    python -m app.sts selftest tests/vectors/*.json

Without --keys the public demonstration keys serve. A key file is opened with the pass phrase in
--passphrase-file. NB: nothing is remembered between two calls; two tokens of one minute share their
token id, and a meter takes only the first. A vending system keeps a journal instead.
"""

import argparse
import json
import sys
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.sts import amount, credit, errors, management, meter_number, meter_test, selftest, token
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.keystore import KeyStore, read_passphrase
from app.sts.module import Amendment, IssuedToken, MeterConfig
from app.sts.software import SoftwareModule

_MANAGEMENT = {name: subclass for subclass, name in management.KINDS.items() if subclass < 11}
KINDS = (*credit.KINDS, *_MANAGEMENT, "meter_test")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, 1 when a check failed, 2 when something was refused."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "selftest":
            return _selftest(chosen)
        answer = {"issue": _issue, "decode": _decode, "keychange": _key_change}[chosen.command](
            chosen
        )
    except errors.StsError as error:
        refusal = {"error": error.code, "detail": errors.sentence(error)}
        print(json.dumps(refusal) if chosen.json else refusal["detail"], file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(answer, default=str))
    else:
        for row in answer:
            print("\n".join(f"{name:12} {value}" for name, value in row.items()), end="\n\n")
    return 1 if chosen.command == "decode" and answer[0]["reason"] != "EVerify.Ok" else 0


def _issue(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    if chosen.kind == "meter_test":
        made = []
        for subclass in (0, 1):  # for makers with a code of two digits, and of four
            control = meter_test.control_of(chosen.test or [0], subclass)
            made.append(_module(chosen).meter_test_token(subclass, control, 0))
        return [{**asdict(each), "digits": token.groups(each.digits)} for each in made]
    module, meter, message = _module(chosen), _meter(chosen), uuid.uuid4().hex
    quantity = _quantity(chosen.amount)
    if chosen.kind in _MANAGEMENT:
        subclass, value = _MANAGEMENT[chosen.kind], _whole(quantity)
        return _rows(module.management_token(message, meter, subclass, value, chosen.time))
    subclass = credit.KINDS.index(chosen.kind)
    asked = amount.to_tenths(quantity) if subclass < 4 else amount.to_money(quantity)
    return _rows(module.credit_token(message, meter, subclass, asked, chosen.time))


def _decode(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    said = asdict(_module(chosen).verify(_meter(chosen), chosen.digits))
    return [{**said, "facts": dict(said["facts"])}]


def _key_change(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    meter = _meter(chosen)
    to_ti = meter.ti if chosen.to_ti is None else chosen.to_ti
    amendment = Amendment(chosen.to_sgc, chosen.to_krn, to_ti)
    return _rows(_module(chosen).key_change_tokens(uuid.uuid4().hex, meter, amendment))


def _selftest(chosen: argparse.Namespace) -> int:
    passed, failed, lines = selftest.run(chosen.files, chosen.kind)
    if chosen.json:
        print(json.dumps({"passed": passed, "failed": failed, "failures": lines}))
    else:
        print(*lines, f"{passed} passed, {failed} failed", sep="\n")
    return 1 if failed else 0


def _rows(tokens: tuple[IssuedToken, ...]) -> list[dict[str, Any]]:
    return [{**asdict(made), "digits": token.groups(made.digits)} for made in tokens]


def _module(chosen: argparse.Namespace) -> SoftwareModule:
    keys = demonstration_keys()
    if chosen.keys and not chosen.passphrase_file:
        raise errors.InvalidKey("a key file needs its --passphrase-file")
    if chosen.keys:
        keys = KeyStore.open(chosen.keys, read_passphrase(chosen.passphrase_file)).keys
    return SoftwareModule(
        "shell", keys, MemoryJournal(), tables=chosen.tables, clock=lambda: chosen.time
    )


def _meter(chosen: argparse.Namespace) -> MeterConfig:
    number = meter_number.compact(chosen.meter)
    pan = number if len(number) == 18 else meter_number.pan_from_drn(number)
    return MeterConfig(
        pan, chosen.ea, chosen.tct, chosen.sgc, chosen.krn, chosen.ti, chosen.ken, chosen.key_type,
        three_key_tokens=chosen.three,
    )  # fmt: skip


def _quantity(text: str) -> Decimal:
    try:  # Decimal would also take the digits of other scripts, and 1_000
        quantity = Decimal(text if text.isascii() and "_" not in text else "NaN")
    except InvalidOperation:
        quantity = Decimal("NaN")
    if not quantity.is_finite() or abs(quantity.adjusted()) > 40:
        raise errors.InvalidFormat("an amount is written as a decimal number")
    return quantity


def _whole(quantity: Decimal) -> int:
    if quantity != quantity.to_integral_value():
        raise errors.InvalidFormat("this amount has too many decimals")
    return int(quantity)


def _number(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise argparse.ArgumentTypeError("a number is written with the digits 0 to 9")
    return int(text)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    about = __doc__ or ""
    parser = argparse.ArgumentParser(
        "python -m app.sts", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    issue = commands.add_parser("issue", help="make a token")
    issue.add_argument("--kind", choices=KINDS, default="electricity")
    issue.add_argument(
        "--amount", default="0", help="kWh, m3, minutes; money; watts; or the raw value"
    )
    issue.add_argument(
        "--test", type=_number, action="append", help="number of a meter test; 0 for all"
    )
    decode = commands.add_parser("decode", help="say what twenty digits mean for a meter")
    decode.add_argument("digits")
    change = commands.add_parser("keychange", help="make a key-change set")
    change.add_argument("--to-sgc", required=True)
    change.add_argument("--to-krn", type=_number, required=True)
    change.add_argument("--to-ti", type=_number, help="the tariff index it has, if not given")
    for command in (issue, decode, change):
        command.add_argument(
            "--meter", required=command is not issue, default="00000000000", help="DRN or PAN"
        )
        command.add_argument("--sgc", default="201457")
        for name, value in (
            ("krn", 1),
            ("ti", 1),
            ("ea", 7),
            ("tct", 2),
            ("ken", 255),
            ("key-type", 2),
        ):
            command.add_argument(f"--{name}", type=_number, default=value)
        command.add_argument("--three", action="store_true", help="an EA07 set carries the SGC")
        command.add_argument("--time", type=_time, default=datetime.now(UTC), help="ISO 8601; now")
        command.add_argument("--keys", help="encrypted key file")
        command.add_argument("--passphrase-file")
        command.add_argument("--tables", default="production", help="STA set or its file")
        command.add_argument("--json", action="store_true")
    check = commands.add_parser("selftest", help="check the engine against files of test vectors")
    check.add_argument("--kind", action="append", default=[], metavar="KIND[:SUBCLASS[-SUBCLASS]]")
    check.add_argument("--json", action="store_true")
    check.add_argument("files", nargs="+", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
