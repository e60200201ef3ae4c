"""Class 1, tests and displays: the same twenty digits start them on every meter, no key needed.

Control bit n-1 asks for test n, all ones for everything the meter can do. Subclass 0 is for makers
with a code of two digits, 1 for four digits; a vending system prints both. Subclass 2 reads values
of the extended set. 6-10 and 11-15 are the makers' own. Clause: IEC 62055-41, 6.2.3; STS 202-5.

>>> issue(0, control_of((0,), 0), 0), issue(1, control_of((1,), 1), 0)
('56493153725450313471', '01152921509036054672')
"""

from collections.abc import Iterable

from app.sts import errors, token

#: The tests by number: what the meter does or shows. 0 is all of them.
TESTS = (
    "all",
    "load_switch",
    "information_display",
    "total_consumption",
    "key_revision_number",
    "tariff_index",
    "token_reader",
    "maximum_power_limit",
    "tamper_status",
    "power_consumption",
    "software_version",
    "phase_unbalance_limit",
    "water_meter_factor",
    "tariff_rate",
    "encryption_algorithm",
    "key_change_tokens_supported",
    "supply_group_code",
    "key_expiry_number",
    "meter_number",
)
EXTENDED_READ = 2
KINDS = {0: "meter_test", 1: "meter_test", EXTENDED_READ: "extended_read"} | dict.fromkeys(
    range(6, 16), "proprietary_test"
)


def layout(subclass: int) -> tuple[int, int]:
    """Return (control bits, manufacturer code bits) of a subclass: (36, 8) or (28, 16).

    Raises SubclassOutOfRange for the reserved 3-5.

    >>> layout(0), layout(10)
    ((36, 8), (28, 16))
    """
    if type(subclass) is not int or subclass not in KINDS:
        raise errors.SubclassOutOfRange(subclass, 0, "15 without 3, 4 and 5")
    return (36, 8) if subclass == 0 or subclass >= 11 else (28, 16)


def control_of(tests: Iterable[int], subclass: int) -> int:
    """Return the control bits that ask for several tests at once; 0 asks for all (ones everywhere).

    Test numbers 1-36 (subclass 0, 11-15) or 1-28. Raises TestNumberOutOfRange, SubclassOutOfRange.

    >>> f'{control_of((4, 16), 0):X} {control_of((0,), 1):X}'
    '8008 FFFFFFF'
    """
    bits = layout(subclass)[0]
    control = 0
    for number in tests:
        errors.check_range(errors.TestNumberOutOfRange, number, 0, bits)
        control |= 1 << number - 1 if number else 2**bits - 1
    return control


def extended_read(index: int, flag: int = 0) -> int:
    """Return the control bits that read value 0-62, or flag 0-511 at index 63 (STS 202-5).

    Raises FieldOutOfRange.

    >>> f'{extended_read(63):X}'
    'FC00000'
    """
    errors.check_range(errors.FieldOutOfRange, index, 0, 63)
    errors.check_range(errors.FieldOutOfRange, flag, 0, 511 if index == 63 else 0)
    return index << 22 | flag << 13


def encode(subclass: int, control: int, mfr_code: int = 0) -> int:
    """Return the 48 data bits. ``mfr_code``: 0 in generic tokens, else the maker's.

    Raises SubclassOutOfRange, ControlOutOfRange, ManufacturerCodeOutOfRange.

    >>> f'{encode(0, control_of((18,), 0), 47):012X}', f'{encode(6, 1, 4750):012X}'
    ('00000200002F', '60000001128E')
    """
    control_bits, code_bits = layout(subclass)
    errors.check_range(errors.ControlOutOfRange, control, 0, 2**control_bits - 1)
    highest = 99 if code_bits == 8 else 9999
    errors.check_range(errors.ManufacturerCodeOutOfRange, mfr_code, 0, highest)
    return subclass << 44 | control << code_bits | mfr_code


def decode(data: int) -> tuple[int, int, int]:
    """Return (subclass, control, manufacturer code) of 48 data bits. Raises ReservedToken for 3-5.

    >>> decode(0x60000001128E)
    (6, 1, 4750)
    """
    subclass = data >> 44 & 15
    if subclass not in KINDS:
        raise errors.ReservedToken(f"test subclass {subclass} is reserved")
    control_bits, code_bits = layout(subclass)
    return subclass, data >> code_bits & 2**control_bits - 1, data & 2**code_bits - 1


def issue(subclass: int, control: int, mfr_code: int = 0) -> str:
    """Return the twenty digits of a test token. Errors as :func:`encode`.

    >>> issue(EXTENDED_READ, extended_read(3))
    '02359886204876360881'
    """
    return token.issue(1, encode(subclass, control, mfr_code), None)
