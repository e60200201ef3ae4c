"""Settings: what the environment may say, and what is refused with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from tests.sts.prism.certificates import make_certificate


def load(**environ: str) -> dict[str, object]:
    return config.load(environ)


def test_an_empty_environment_is_a_demonstration_on_sqlite_and_loopback():
    settings = load()
    assert settings["MODE"] == "demonstration"
    assert settings["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{config.ROOT}/instance/vending.db"
    assert (settings["HOST"], settings["PORT"]) == ("127.0.0.1", 8080)
    assert settings["SOFTWARE_MODULE_ALLOWED"] is True


def test_a_demonstration_is_loaded_unless_it_is_told_not_to_and_never_in_production():
    assert (load()["DEMO"], load(DEMO="0")["DEMO"], load(MODE="production")["DEMO"]) == (True, False, False)
    with pytest.raises(config.SettingsError, match="DEMO"):
        load(MODE="production", DEMO="yes")


@pytest.mark.parametrize("text", ["x", "AAAA", "-----BEGIN PUBLIC KEY-----"])
def test_a_licence_key_is_the_base64_of_32_bytes(text):
    assert load()["LICENCE_KEY"] == ""
    with pytest.raises(config.SettingsError, match="LICENCE_KEY"):
        load(LICENCE_KEY=text)


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "0"), ("PORT", "http"), ("PORT", "-1"), ("PORT", "٨٠"), ("MODE", "test")],
)
def test_a_value_that_cannot_be_used_is_one_sentence(name, text):
    with pytest.raises(config.SettingsError) as refusal:
        load(**{name: text})
    assert str(refusal.value).startswith(f"The setting {name} is {text!r}: it must be ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d"])
def test_postgresql_is_always_reached_through_psycopg_3(url):
    settings = load(DATABASE_URL=url)
    assert settings["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u@h/d"


@pytest.mark.parametrize("secret", ["secret", "changeme", "0123456789"])
def test_production_refuses_a_sample_secret(secret):
    with pytest.raises(config.SettingsError, match="SECRET_KEY"):
        load(MODE="production", SECRET_KEY=secret)


@pytest.mark.parametrize(
    ("plain", "sealed"),
    [
        ({"DATABASE_URL": "postgresql://u:p@db.example.org/v"}, {"DATABASE_URL": "postgresql://u:p@db.example.org/v?sslmode=verify-full"}),
        ({"DATABASE_URL": "postgresql://u@/v?host=db&sslmode=prefer"}, {"DATABASE_URL": "postgresql://u@/v?host=/run/postgresql"}),
        ({"REDIS_URL": "redis://queue:6379/0"}, {"REDIS_URL": "rediss://queue:6379/0"}),
        ({"REDIS_URL": "redis://db"}, {"REDIS_URL": "redis://db", "PLAIN_HOSTS": "queue, DB"}),
        ({"DATABASE_URL": "postgres://u@DB/v"}, {"DATABASE_URL": "postgres://u@DB/v", "PLAIN_HOSTS": "db"}),
    ],
)
def test_production_speaks_to_no_other_machine_in_the_clear(plain, sealed):
    with pytest.raises(config.SettingsError, match="PLAIN_HOSTS"):
        load(MODE="production", **plain)
    load(MODE="production", **sealed)
    load(**plain)


def test_production_takes_the_software_module_only_when_told():
    assert load(MODE="production")["SOFTWARE_MODULE_ALLOWED"] is False
    told = load(MODE="production", SOFTWARE_MODULE_ALLOWED="yes")
    assert told["SOFTWARE_MODULE_ALLOWED"] is True


def test_behind_tls_the_cookie_is_bound_to_this_host():
    settings = load(BEHIND_TLS="yes")
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert str(settings["SESSION_COOKIE_NAME"]).startswith("__Host-")
    load(BEHIND_TLS="yes", SITE_URL="https://vending.example.org")
    with pytest.raises(config.SettingsError, match="write https://"):
        load(BEHIND_TLS="yes", SITE_URL="http://vending.example.org")


def test_the_web_processes_speak_tls_with_a_certificate_and_its_own_key(tmp_path: Path):
    one, other = (make_certificate(tmp_path, name) for name in ("one", "other"))
    ours = {"TLS_CERTIFICATE": str(one.file), "TLS_KEY": str(one.key_file)}
    settings = load(**ours)
    assert settings["SESSION_COOKIE_SECURE"] is True and settings["SITE_URL"] == "https://127.0.0.1:8080"
    for wrong in ({"SITE_URL": "http://vending.example.org"}, {"TLS_KEY": ""}, {"TLS_KEY": str(other.key_file)}, {"TLS_CERTIFICATE": str(one.key_file)}):
        with pytest.raises(config.SettingsError, match="TLS"):
            load(**{name: text for name, text in (ours | wrong).items() if text})


def test_production_opens_itself_to_no_network_in_the_clear(tmp_path: Path):
    made = make_certificate(tmp_path, "one")
    for host in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104
        with pytest.raises(config.SettingsError, match="in the clear"):
            load(MODE="production", HOST=host)
        load(MODE="production", HOST=host, PLAIN_HOSTS=host)
        load(MODE="production", HOST=host, TLS_CERTIFICATE=str(made.file), TLS_KEY=str(made.key_file))
        load(HOST=host)
    for host in ("127.0.0.2", "LOCALHOST", "::1"):
        load(MODE="production", HOST=host)
    assert load(HOST="::1")["SITE_URL"] == "http://[::1]:8080"


def test_the_secret_key_is_read_from_the_instance_folder(tmp_path: Path):
    (tmp_path / "secret.key").write_text("k" * 64 + "\n", encoding="ascii")
    assert load(INSTANCE_DIR=str(tmp_path))["SECRET_KEY"] == "k" * 64


def test_reading_settings_makes_no_folder(tmp_path: Path):
    load(INSTANCE_DIR=str(tmp_path / "instance"))
    assert not (tmp_path / "instance").exists()


def test_a_test_overrides_what_follows_from_its_own_settings(tmp_path: Path):
    settings = config.load({}, {"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "APP_NAME": "A"})
    assert settings["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{tmp_path}/a.db"
    assert settings["APP_NAME"] == "A"


def test_mail_is_files_until_a_server_is_named():
    settings = load(INSTANCE_DIR="/x", HOST="0.0.0.0", PORT="8081")  # noqa: S104
    assert settings["MAIL_SERVER"] is None
    assert settings["OUTBOX_DIR"] == Path("/x/outbox")
    assert settings["SITE_URL"] == "http://localhost:8081"
    assert load(MAIL_SERVER="m.example.org", MAIL_FROM="v@example.org", MAIL_TLS="tls")["MAIL_PORT"] == 465


def test_links_lead_to_the_program_that_serves_this_folder(tmp_path):
    """A command in another shell knows nothing of the PORT that it was started with."""
    (tmp_path / "run.lock").write_text("http://127.0.0.1:8087")
    folder = str(tmp_path)
    assert load(INSTANCE_DIR=folder)["SITE_URL"] == "http://127.0.0.1:8087"
    assert load(INSTANCE_DIR=folder, PORT="9000")["SITE_URL"] == "http://127.0.0.1:9000"
    assert load(INSTANCE_DIR=folder, SITE_URL="https://vending.example.org")["SITE_URL"] == "https://vending.example.org"
    (tmp_path / "run.lock").write_text("")
    assert load(INSTANCE_DIR=folder)["SITE_URL"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"MAIL_FROM": ""}, "MAIL_FROM"),
        ({"MAIL_FROM": "a@example.org, b@example.org"}, "MAIL_FROM"),
        ({"MAIL_TLS": "none", "MAIL_PASSWORD": "p"}, "in the clear"),
        ({"MODE": "production"}, "SITE_URL"),
        ({"SITE_URL": "javascript:alert(1)"}, "SITE_URL"),
        ({"SITE_URL": "https://example.org/x?y"}, "SITE_URL"),
    ],
)
def test_mail_has_a_sender_a_true_address_and_no_password_in_the_clear(changes, name):
    with pytest.raises(config.SettingsError, match=name):
        load(**{"MAIL_SERVER": "m.example.org", "MAIL_FROM": "v@example.org"} | changes)
