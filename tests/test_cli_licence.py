"""`flask licence ...`, as an issuer and as an installation type it."""

from __future__ import annotations

import stat

import pytest

from tests.licences import STRANGER

pytestmark = pytest.mark.one_database
PHRASE = "nine white herons at the ferry"


@pytest.fixture
def run(app, tmp_path):
    """`run("issue", ...)`: exit code and output; the pass phrase lies in a file."""
    phrase = tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text(PHRASE)
    runner = app.test_cli_runner()

    def go(*words, secret=False):
        more = ["--passphrase-file", str(phrase)] if secret else []
        done = runner.invoke(args=["licence", *map(str, words), *more])
        return done.exit_code, done.output

    return go


def issue(run, tmp_path, name="a.licence", **changes):
    said = {"--holder": "Lake  Power", "--valid-until": "2099-06-30", "--meters": "500", **changes}
    words = [word for pair in said.items() for word in pair]
    return run("issue", tmp_path / name, "--private-key", tmp_path / "issuer.pem", *words, secret=True)


def test_from_new_keys_to_a_licence_that_is_inspected(run, tmp_path):
    code, said = run("keypair", tmp_path / "issuer.pem", secret=True)
    assert code == 0, said
    public = said.partition("LICENCE_KEY=")[2].strip()
    private = (tmp_path / "issuer.pem").read_text()
    assert "ENCRYPTED PRIVATE KEY" in private and private not in said
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600
    code, said = issue(run, tmp_path)
    assert code == 0 and said == (tmp_path / "a.licence").read_text()
    code, said = run("inspect", tmp_path / "a.licence", "--public-key", public)
    assert code == 0
    assert "holder: Lake Power\ninstallation: any\n" in said
    assert "valid until: 2099-06-30\nmeters allowed: 500\nsignature: right\n" in said
    code, said = run("inspect", tmp_path / "a.licence", "--public-key", STRANGER.public)
    assert code == 1 and "signature: WRONG" in said
    assert run("inspect", tmp_path / "a.licence")[0] == 1  # LICENCE_KEY of these tests is another issuer's


@pytest.mark.parametrize(
    "wrong",
    [{"--valid-until": "2099-06-31"}, {"--meters": "0"}, {"--meters": "many"}, {"--holder": " "},
     {"--holder": "x" * 101}, {"--installation": "short"}, {"--meters": "99999999999"}],
)  # fmt: skip
def test_terms_that_no_file_can_say_are_refused_and_nothing_is_written(run, tmp_path, wrong):
    run("keypair", tmp_path / "issuer.pem", secret=True)
    code, said = issue(run, tmp_path, **wrong)
    assert code == 1 and said.startswith("Error: ") and said.count("\n") == 1
    assert not (tmp_path / "a.licence").exists()


def test_nothing_is_written_over_and_a_bad_key_is_one_sentence(run, tmp_path):
    run("keypair", tmp_path / "issuer.pem", secret=True)
    assert run("keypair", tmp_path / "issuer.pem", secret=True)[0] == 1
    assert issue(run, tmp_path)[0] == 0
    assert issue(run, tmp_path)[0] == 1
    (tmp_path / "issuer.pem").write_text("nonsense")
    code, said = issue(run, tmp_path, name="b.licence")
    assert code == 1 and "the private key cannot be opened" in said
    (tmp_path / "nonsense").write_bytes(b"\x00\xff")
    assert run("inspect", tmp_path / "nonsense") == (1, "Error: this is no licence file of version 1\n")


def test_status_says_what_counts_here(run):
    code, said = run("status")
    assert code == 0
    assert "holder: Community\n" in said and "meters now: 0\n" in said and "meters that may be added: 1000000\n" in said
