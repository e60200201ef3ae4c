"""What each kind of test vector asks of the engine: its inputs in, every value it knows out.

Names and notation are the vector files': upper-case hexadecimal for keys, blocks and fields, plain
integers for the rest, money as a decimal string. A refusal is the engine's own exception.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.sts import (
    amount,
    crc,
    errors,
    key_change,
    keys,
    management,
    meter_number,
    meter_test,
    token,
    token_id,
    verify,
)
from app.sts.ciphers import cipher
from app.sts.keys import DecoderKey, KeyTarget

_Given = Mapping[str, Any]
_Found = dict[str, Any]


def _credit(given: _Given) -> _Found:
    if "amount_1e-5" in given:
        nibble, field = amount.encode_currency(int(given["amount_1e-5"]))
    else:
        nibble, field = given["rnd"], amount.encode_units(given["base_units"])
    errors.check_range(errors.SubclassOutOfRange, given["subclass"], 0, 7)
    return _ordinary(0, given, nibble, field)


def _management(given: _Given) -> _Found:
    management.check_subclass(given["subclass"])
    field = amount.encode_units(given["watts"]) if "watts" in given else given["value"]
    return _ordinary(2, given, given["rnd"], field)


def _ordinary(token_class: int, given: _Given, nibble: int, field: int) -> _Found:
    identifier = given["tid"] if "tid" in given else _tid(given)["tid"]
    if "ken" in given and token_id.is_expired(identifier, given["ken"]):
        raise errors.KeyExpired("the token id lies beyond the key expiry number")
    material = _material(given)
    data = token.pack(given["subclass"], nibble, identifier, field)
    key = DecoderKey(given["ea"], material, given.get("tables", "production"))
    found = _token(token_class, data, key)
    return {
        **found,
        "decoder_key": _hex(material),
        "tid": identifier,
        "field": f"{field:04X}",
        "se": nibble,
    }


def _token(token_class: int, data: int, key: DecoderKey | None) -> _Found:
    block = token.seal(token_class, data)
    encrypted = block if key is None else key.encrypt(block)
    return {
        "crc": f"{block & 0xFFFF:04X}",
        "block": f"{block:016X}",
        "encrypted": f"{encrypted:016X}",
        "token66": f"{token.insert_class(token_class, encrypted):017X}",
        "token": token.issue(token_class, data, key),
    }


def _meter_test(given: _Given) -> _Found:
    data = meter_test.encode(given["subclass"], int(given["control"], 16), given["mfr_code"])
    return _token(1, data, None)


def _key_change(given: _Given) -> _Found:
    old, new = _derived(given["old"]), _derived(given["new"])
    tables = given.get("tables", "production")
    old_key, new_key = DecoderKey(given["ea"], old, tables), DecoderKey(given["ea"], new, tables)
    change = key_change.KeyChange(
        new_key,
        str(given["sgc_in_tokens"]),
        given["new"]["krn"],
        given["new"]["kt"],
        int(given["new"]["ti"]),
        given["new_ken"],
        bool(given["ro"]),
        bool(given["three_kct"]),
    )
    sections = [_token(2, data, old_key) for data in key_change.encode(change)]
    return {
        "old_key": _hex(old),
        "new_key": _hex(new),
        "blocks": [section["block"] for section in sections],
        "encrypted": [section["encrypted"] for section in sections],
        "tokens": list(key_change.issue(old_key, change)),
    }


def _section(given: _Given) -> _Found:
    words = {
        name: int(given[name], 16) for name in key_change.KEY_WORDS if name in given
    }
    fields = {name: value for name, value in given.items() if type(value) is int} | words
    if "sgc" in given:
        fields["sgc"] = int(given["sgc"])
    elif given["ea"] == 7 and "sgcho" in given:
        fields["sgc"] = given["sgcho"] << 12 | given["sgclo"]
    data = key_change.encode_section(given["subclass"], given["ea"], fields)
    key = DecoderKey(given["ea"], _material(given), given.get("tables", "production"))
    return _token(2, data, key)


def _decode(given: _Given) -> _Found:
    key = DecoderKey(given["ea"], _material(given), given.get("tables", "production"))
    token_class, data = token.read(given["token"], key)
    said, raw = verify.describe(token_class, data, key.ea), token.unpack(data)
    found: _Found = {
        "class": token_class,
        "subclass": said.subclass,
        "crc": f"{token.seal(token_class, data) & 0xFFFF:04X}",
    }
    if token_class == 1:
        _, control, mfr_code = meter_test.decode(data)
        return found | {"control": f"{control:X}", "mfr_code": mfr_code}
    found |= {"rnd": raw.nibble, "se": raw.nibble, "tid": raw.token_id, "field": raw.field}
    if said.kind == "key_change":
        return found | {
            name: f"{value:08X}" if name in key_change.KEY_WORDS else value
            for name, value in key_change.decode(data, key.ea).items()
        }
    if token_class == 2:
        return found | {"value": raw.field, "watts": said.amount}
    return found | {"base_units": said.amount, "amount_1e-5": str(said.amount)}


def _sta(given: _Given) -> _Found:
    encrypted = cipher(7, given.get("tables", "production")).encrypt(
        bytes.fromhex(given["key"]), int(given["data"], 16)
    )
    number = token.insert_class(given.get("class", 0), encrypted)
    return {
        "encrypted": f"{encrypted:016X}",
        "token66": f"{number:017X}",
        "token": f"{number:020d}",
    }


def _misty1(given: _Given) -> _Found:
    encrypted = cipher(11).encrypt(bytes.fromhex(given["key"]), int(given["data"], 16))
    return {"encrypted": f"{encrypted:016X}"}


def _crc(given: _Given) -> _Found:
    return {"crc": f"{crc.checksum(bytes.fromhex(given['bytes'])):04X}"}


def _dkga(given: _Given) -> _Found:
    target = _target(given)
    found: _Found = {"decoder_key": _hex(_derived(given))}
    if given["dkga"] == 4:
        return found | {"data_block": _hex(keys.data_block(target))}
    pan, control = keys.pan_block(target.pan, target.key_type), keys.control_block(target)
    blocks = {"pan_block": pan, "control_block": control, "xor": pan ^ control}
    return found | {name: f"{block:016X}" for name, block in blocks.items()}


def _units(given: _Given) -> _Found:
    field = amount.encode_units(given["base_units"])
    decoded = amount.decode_units(field)
    return {"field": f"{field:04X}", "decoded": decoded, "e": field >> 14, "m": field & 0x3FFF}


def _currency(given: _Given) -> _Found:
    se, field = amount.encode_currency(int(given["amount_1e-5"]))
    return {"field": f"{field:04X}", "se": se, "decoded": str(amount.decode_currency(se, field))}


def _tid(given: _Given) -> _Found:
    time = datetime.strptime(given["issue_time"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    make = token_id.special if given.get("special") else token_id.token_id
    return {"tid": make(time, int(given["bdt"]))}


def _drn(given: _Given) -> _Found:
    found: _Found = {"valid": meter_number.is_valid(given["drn"])}
    return (
        found | {"check_digit": meter_number.check_digit(given["drn"][:-1])}
        if found["valid"]
        else found
    )


def _pan(given: _Given) -> _Found:
    return {"pan": meter_number.pan_from_drn(given["drn"])}


def _expiry(given: _Given) -> _Found:
    return {"expired": token_id.is_expired(given["tid"], given["ken"])}


def _material(given: _Given) -> bytes:
    return bytes.fromhex(given["decoder_key"]) if "decoder_key" in given else _derived(given["key"])


def _derived(given: _Given) -> bytes:
    key = keys.prepare(given["dkga"], bytes.fromhex(given["vk"])).decoder_key(_target(given))
    return b"".join(word.to_bytes(4, "big") for word in key.words())


def _target(given: _Given) -> KeyTarget:
    pan = given.get("pan")
    if pan is None:
        body = given["iin"] + given["iain"]
        pan = body + meter_number.check_digit(body)
    return KeyTarget(
        pan,
        given.get("ea", 7),
        given["sgc"],
        given["kt"],
        given["krn"],
        int(given["ti"]),
        int(given.get("bdt", 93)),
    )


def _hex(material: bytes) -> str:
    return material.hex().upper()


KINDS: Mapping[str, Callable[[_Given], _Found]] = {
    "credit": _credit,
    "mse": _management,
    "meter_test": _meter_test,
    "key_change": _key_change,
    "kct_section": _section,
    "decode": _decode,
    "sta": _sta,
    "misty1": _misty1,
    "crc": _crc,
    "dkga02": _dkga,
    "dkga04": _dkga,
    "units": _units,
    "currency": _currency,
    "tid": _tid,
    "drn": _drn,
    "pan": _pan,
    "expiry": _expiry,
}
