"""`python -m app.sts`: issue, decode, change keys, for people and with --json for programs."""

import json
from pathlib import Path

import pytest

from app.sts import credit, keystore
from app.sts.__main__ import KINDS, main
from app.sts.keystore import KeyStore, VendingKey

METER = ["--meter", "00000000000", "--sgc", "201457", "--time", "2026-11-23T12:00"]


def answer(
    capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> list[dict[str, object]]:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_what_is_issued_can_be_decoded(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in KINDS[:8]:
        [made] = answer(capsys, "issue", "--kind", kind, "--amount", "25.5", *METER)
        [said] = answer(capsys, "decode", str(made["digits"]), *METER)
        assert said["kind"] == kind
        assert said["amount"] == made["amount"] == (2_550_624 if "currency" in kind else 255)


def test_management_and_test_tokens_can_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    [limit] = answer(capsys, "issue", "--kind", "maximum_power_limit", "--amount", "5000", *METER)
    assert (limit["token_class"], limit["subclass"], limit["amount"]) == (2, 0, 5000)
    both = answer(capsys, "issue", "--kind", "meter_test")
    assert [row["digits"] for row in both] == [
        "5649 3153 7254 5031 3471",
        "0230 5843 0050 5295 1967",
    ]


def test_a_key_change_prints_its_set_and_what_to_store(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["keychange", "--to-sgc", "201457", "--to-krn", "1", "--to-ti", "2", *METER]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "0651 0894 1414 5301 8386" in shown
    assert "2297 9178 2799 9720 8272" in shown
    assert "to_ti" in shown


def test_a_wrong_token_says_why_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    [said] = answer(capsys, "decode", "1" * 20, *METER, code=1)
    assert said["reason"] == "EVerify.Crc"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["issue", "--amount", "x"], "InvalidFormat"),
        (["issue", "--amount", "1e99"], "InvalidFormat"),
        (["issue", "--amount", "٥"], "InvalidFormat"),
        (["issue", "--amount", "1_000"], "InvalidFormat"),
        (["issue", "--amount", "9" * 5000], "InvalidFormat"),
        (["issue", "--amount", "-1"], "AmountOutOfRange"),
        (["issue", "--kind", "clear_credit", "--amount", "0.5"], "InvalidFormat"),
        (["issue", "--ti", "100"], "TariffIndexOutOfRange: 100 is not in 0..99"),
        (["issue", "--meter", "11111111113"], "InvalidCheckDigit"),
        (["issue", "--sgc", "999999"], "EKeystore.NotFound"),
        (["issue", "--keys", "nowhere"], "--passphrase-file"),
        (["issue", "--keys", "nowhere", "--passphrase-file", "nowhere"], "nowhere: No such file"),
    ],
)
def test_a_refusal_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", ["--krn", "--ti", "--ken", "--tct", "--ea", "--test"])
@pytest.mark.parametrize("number", ["١", "1_0", "x", "", "9" * 5000])
def test_a_number_is_written_with_ascii_digits(
    capsys: pytest.CaptureFixture[str], option: str, number: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["issue", option, number])
    assert left.value.code == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("10000444444444444444444444444.42625", 1000044444444444444444444444442625),
        ("123456789012345678901234.56789", 12345678901234567890123456789),
        ("-123456789012345678901234.567899", -12345678901234567890123456789),
        ("0.000001", 1),
    ],
)
def test_money_is_never_less_than_asked_however_large(
    capsys: pytest.CaptureFixture[str], asked: str, least: int
) -> None:
    arguments = ["issue", "--kind", "electricity_currency", f"--amount={asked}", *METER]
    [made] = answer(capsys, *arguments)
    assert made["amount"] == credit.carried(4, least)
    assert int(str(made["amount"])) >= least


def test_own_keys_come_from_an_encrypted_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keystore, "_COST", {"n": 256, "r": 8, "p": 1})
    phrase = keystore.create_passphrase(tmp_path / "phrase")
    KeyStore.create(tmp_path / "keys", phrase, [VendingKey("700000", 3, 2, 4, 14, 255, bytes(20))])
    own = ["--keys", str(tmp_path / "keys"), "--passphrase-file", str(tmp_path / "phrase")]
    own += ["--meter", "00000000000", "--sgc", "700000", "--krn", "3", "--ea", "11"]
    [made] = answer(capsys, "issue", "--amount", "1", *own)
    assert answer(capsys, "decode", str(made["digits"]), *own)[0]["amount"] == 10
