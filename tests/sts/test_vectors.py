"""The public vectors pass, and the self-test notices what does not."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask import Flask

from app.cli import register
from app.sts import selftest
from app.sts.__main__ import main

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = sorted(VECTORS.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_public_vector_passes(file: Path) -> None:
    passed, failed, lines = selftest.run([file])
    assert (failed, lines) == (0, [])
    assert passed == len(json.loads(file.read_text())["vectors"])


def test_every_vector_names_its_source() -> None:
    vectors = [vector for file in FILES for vector in json.loads(file.read_text())["vectors"]]
    assert len(vectors) == len({vector["id"] for vector in vectors}) == 418
    assert all(vector["source"] for vector in vectors)


def test_a_selection_takes_kinds_and_subclasses_only() -> None:
    units = selftest.run(FILES, ["credit:0-3"])[0]
    money = selftest.run(FILES, ["credit:4-7"])[0]
    assert units + money == selftest.run(FILES, ["credit"])[0] == 160
    assert units == 133
    assert selftest.run(FILES, ["tid", "crc"])[:2] == (9, 0)


@pytest.mark.parametrize(
    "kind", ["credit", "mse", "meter_test", "key_change", "kct_section", "decode"]
)
def test_a_changed_token_fails(tmp_path: Path, kind: str) -> None:
    vector = next(
        vector
        for file in FILES
        for vector in json.loads(file.read_text())["vectors"]
        if vector["kind"] == kind and "error" not in vector["out"]
    )
    name = next(name for name in ("token", "tokens", "subclass") if name in vector["out"])
    vector["out"][name] = "something else"
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"vectors": [vector]}))
    passed, failed, lines = selftest.run([wrong])
    assert (passed, failed) == (0, 1)
    assert lines[0].startswith(f"{vector['id']} ({kind}): {name}: expected")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('[{"id": "x", "kind": "horoscope", "in": {}, "out": {"sign": 1}}]', "unknown kind"),
        ('[{"id": "x", "kind": "crc", "in": {}, "out": {"crc": "0FFA"}}]', "broken vector"),
        ('[{"id": "x", "kind": "crc", "in": {"bytes": "00"}, "out": {}}]', "nothing is expected"),
        ('[{"id": "x", "kind": "crc", "in": {"bytes": "00"}, "out": {"colour": 1}}]', "colour"),
        ('[{"id": "x", "kind": "crc", "in": {"bytes": "00"}, "out": {"error": "crc"}}]', "error"),
        ('[{"id": "x"}]', "unknown kind"),
        ('{"vectors": 7}', "no list of vectors"),
        ("[1]", "no list of vectors"),
        ("{}", "no file of test vectors"),
        ("no json", "no file of test vectors"),
        ("[]", "an empty list of vectors"),
        ("[" * 100_000, "no file of test vectors"),
        ('[{"id": "x", "kind": "credit", "in": [1], "out": {"token": "1"}}]', "broken vector"),
        ('[{"id": "x", "kind": ["crc"], "in": {}, "out": {"token": "1"}}]', "unknown kind"),
        (
            '[{"kind": "sta", "in": {"key": "00", "data": "00", "tables": "nofile"}, "out": {"x": 1}}]',
            "broken vector: FileNotFoundError",
        ),
        (
            '[{"kind": "tid", "in": {"issue_time": "2026-01-01 00:00", "bdt": 1e400}, "out": {"x": 1}}]',
            "broken vector: OverflowError",
        ),
        (f'[{{"id": {"[" * 900}{"]" * 900}, "kind": "crc", "in": {{}}, "out": 7}}]', "broken"),
    ],
)
def test_what_is_no_good_vector_fails_with_a_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content)
    passed, failed, lines = selftest.run([file])
    assert (passed, failed) == (0, 1)
    assert says in lines[0]


def test_a_missing_file_fails() -> None:
    assert selftest.run(["nowhere.json"])[:2] == (0, 1)


@pytest.mark.parametrize("kind", ["credit:x", "nope", "credit:٣", "credit:" + "9" * 5000])
def test_an_unknown_kind_asked_for_fails(kind: str) -> None:
    assert selftest.run(FILES, [kind])[:2] == (0, 1)


def test_a_selection_that_selects_nothing_fails() -> None:
    assert selftest.run(FILES, ["crc", "credit:8"]) == (2, 1, ["credit:8: no vector is of this kind"])


def test_a_vector_without_inputs_is_not_passed_over_by_a_selection(tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text('[{"id": "x", "kind": "credit", "in": 7, "out": {"token": "1"}}]')
    assert selftest.run([file], ["credit:0-3"])[:2] == (0, 1)
    assert selftest.run([file], ["mse"])[2] == ["mse: no vector is of this kind"]


BAD = """[
    {"id": "\\ud800", "kind": "crc", "in": {}, "out": {"crc": 1}},
    {"id": "b", "kind": "sta", "in": {"key": "00", "data": "0", "tables": "nofile"}, "out": {"x": 1}},
    {"id": "c", "kind": "tid", "in": {"issue_time": "2026-01-01 00:00", "bdt": 1e400}, "out": {"tid": 1}},
    {"id": "d", "kind": "credit", "in": [], "out": {"token": "1"}},
    {"id": "e", "kind": "crc", "in": {"bytes": "000B19EB230100"}, "out": {"crc": "C207"}}
]"""


def test_both_shells_reach_the_closing_line_whatever_is_in_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text(BAD)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    files = [str(tmp_path / name) for name in ("bad.json", "deep.json", "missing.json")]
    assert main(["selftest", *files]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 6 failed"
    [group] = [command for command in _commands() if command.name == "sts"]
    shown = CliRunner().invoke(group, ["selftest", *files])
    assert shown.exit_code == 1
    assert shown.output.splitlines()[-1] == "1 passed, 6 failed"
    assert "missing.json: No such file or directory" in shown.output


def _commands() -> list[click.Command]:
    app = Flask("shell")
    register(app)
    return list(app.cli.commands.values())


def test_the_shell_closes_with_the_count_and_an_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["selftest", "--kind", "crc", *map(str, FILES)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"
    assert main(["selftest", "--kind", "nope", *map(str, FILES)]) == 1
    assert capsys.readouterr().out.splitlines() == ["nope: unknown kind", "0 passed, 1 failed"]
