"""Settings: everything the environment may say, on one page, and what follows from it.

Each name below has its line in docs/settings.md.  Read by `create_app`, views and the shell;
the floors below get their values as arguments.  Reading writes nothing anywhere.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parent
SAMPLE_SECRETS = frozenset({"", "secret", "secret-key", "changeme", "change-me", "development"})
SECRET_LENGTH_MIN = 32
PORT_MAX = 65535
MODULE_PORT_AWAY = 9443 - 8080
# Bytes of the first line of a request: the most that gunicorn can be told to take, and what proxies take by default.
ADDRESS_MAX = 8190
# Held by a running program, in INSTANCE_DIR; it says where that is found.
LOCK_NAME = "run.lock"
# Ways of speaking to PostgreSQL that never fall back to the clear.
SEALED_MODES = frozenset({"require", "verify-ca", "verify-full"})
MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsError(ValueError):
    """A setting cannot be used; the message is one sentence for the person who starts the program."""


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return read


def _database(text: str) -> str:
    if not text.startswith(("sqlite:", "postgres:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("must begin with postgresql:// or sqlite://")
    return text


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _yes_no(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in words:
        raise ValueError("must be yes or no")
    return words[text.lower()]


def _licence_key(text: str) -> str:
    try:
        length = len(base64.b64decode(text, validate=True))
    except ValueError:
        length = 0
    if length != 32:  # as Ed25519 has it
        raise ValueError("must be a public key as `flask licence keypair` prints it")
    return text


def _site(text: str) -> str:
    if not re.fullmatch(r"https?://([A-Za-z0-9.-]{1,253}|\[[0-9a-f:]+\])(:[0-9]{1,5})?/?", text):
        raise ValueError("must read like https://vending.example.org")
    return urlsplit(text).geturl().rstrip("/")  # an address in brackets that is none fails here


def _word_list(text: str) -> frozenset[str]:
    return frozenset(word for each in text.casefold().split(",") if (word := each.strip()))


def _readable_file(text: str) -> Path:
    path = ROOT / Path(text).expanduser()
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    return path


# What the environment may say: name, default, how it is read.  None: it follows from others.
ENVIRONMENT: Mapping[str, tuple[str | None, Callable[[str], Any]]] = {
    "MODE": ("demonstration", _one_of("demonstration", "production")),
    "INSTANCE_DIR": (str(ROOT / "instance"), lambda text: ROOT / Path(text).expanduser()),
    "DATABASE_URL": (None, _database),
    "SECRET_KEY": (None, str),
    "DEMO": (None, _yes_no),
    "TRAINING": (None, _yes_no),
    "DEMO_SIZE": ("full", _one_of("full", "small")),
    "LICENCE_KEY": (None, _licence_key),
    "HOST": ("127.0.0.1", str),
    "PORT": ("8080", _integer(1, 65535)),
    "WORKERS": ("2", _integer(1, 64)),
    "THREADS": ("4", _integer(1, 64)),
    "BEHIND_TLS": ("no", _yes_no),
    "TLS_CERTIFICATE": (None, _readable_file),
    "TLS_KEY": (None, _readable_file),
    "TRUSTED_PROXIES": ("0", _integer(0, 5)),
    "SOFTWARE_MODULE_ALLOWED": (None, _yes_no),
    "STA_TABLES": ("production", str),
    "CLOCK_AHEAD_DAYS": ("31", _integer(1, 3660)),
    "MODULE_PORT": (None, _integer(0, 65535)),
    "MODULE_WAIT_S": ("30", _integer(20, 600)),
    "MODULE_MEMORY_H": ("24", _integer(1, 8760)),
    "BACKUP_WARN_DAYS": ("7", _integer(1, 3660)),
    "REDIS_URL": (None, str),
    "PLAIN_HOSTS": ("", _word_list),
    "IMPORT_FILE_MAX_MB": ("64", _integer(1, 2000)),
    "IMPORT_ROWS_MAX": ("200000", _integer(1, 2_000_000)),
    "MAIL_FILE_MAX_MB": ("10", _integer(1, 100)),
    "FILES_KEEP_DAYS": ("30", _integer(1, 3660)),
    "SITE_URL": (None, _site),
    "MAIL_SERVER": (None, str),
    "MAIL_PORT": (None, _integer(1, 65535)),
    "MAIL_TLS": ("starttls", _one_of("starttls", "tls", "none")),
    "MAIL_USER": (None, str),
    "MAIL_PASSWORD": (None, str),
    "MAIL_FROM": (None, str),
    "FORBIDDEN_WORDS": ("", _word_list),
    "BREACHED_PASSWORDS_FILE": (None, _readable_file),
    "LOG_FORMAT": (None, _one_of("json", "text")),
    "LOGIN_RATE_LIMIT": ("10 per minute", str),
    "ATTEMPTS_IN": ("database", _one_of("database", "redis")),
    "RESET_RATE_LIMIT": ("5 per hour", str),
    "LOOK_UP_RATE_LIMIT": ("20 per minute", str),
}

# What no environment changes: the framework's switches, each with its reason.
FIXED: Mapping[str, Any] = {
    "APP_NAME": "STS Vending",
    "FAB_CREATE_DB": False,  # starting writes nothing: `flask setup` makes tables and permissions
    "FAB_UPDATE_PERMS": False,
    "FAB_ADD_SECURITY_API": False,
    "FAB_API_SWAGGER_UI": False,
    "FAB_ADD_SECURITY_PERMISSION_VIEW": False,
    "FAB_ADD_SECURITY_VIEW_MENU_VIEW": False,
    "FAB_ADD_SECURITY_PERMISSION_VIEWS_VIEW": False,
    "FAB_ALLOW_GET_UNSAFE_MUTATIONS": False,
    "FAB_PASSWORD_COMPLEXITY_ENABLED": True,
    "AUTH_TYPE": 1,  # the database
    "AUTH_USER_REGISTRATION": False,
    "RATELIMIT_ENABLED": True,  # failed sign-ins are counted in a table that all processes share
    "BABEL_DEFAULT_LOCALE": "en",
    "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "translations"),  # relative would mean app/
    "LANGUAGES": {
        "en": {"flag": "gb", "name": "English"},
        "fr": {"flag": "fr", "name": "Français"},
        "es": {"flag": "es", "name": "Español"},
        "zh": {"flag": "cn", "name": "中文"},
        "ar": {"flag": "eg", "name": "العربية"},
        "pt": {"flag": "mz", "name": "Português"},
        "sw": {"flag": "tz", "name": "Kiswahili"},
    },
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a page left open loses nothing typed
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "PERMANENT_SESSION_LIFETIME": timedelta(hours=10),
    # Not signed anew for each answer: how long a session lasts is counted from its sign-in, in its row.
    "SESSION_REFRESH_EACH_REQUEST": False,
    "SESSION_IDLE": timedelta(hours=1),
    "MAX_CONTENT_LENGTH": 8 * 1024 * 1024,
    "SEND_FILE_MAX_AGE_DEFAULT": timedelta(hours=1),
}


def load(
    environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All settings by name; `overrides` (tests) win over the environment.

    Raises SettingsError with one sentence when a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    settings: dict[str, Any] = dict(FIXED)
    for name, (default, read) in ENVIRONMENT.items():
        text = environ.get(name, "").strip() or default
        try:
            settings[name] = None if text is None else read(text)
        except ValueError as error:
            raise SettingsError(f"The setting {name} is {text!r}: it {error}.") from None
    settings.update(overrides or {})
    told = {name for name in ENVIRONMENT if environ.get(name, "").strip()} | set(overrides or {})
    _derive(settings, of_this_port=bool(told & {"HOST", "PORT"}))
    settings.update(overrides or {})
    _refuse_unsafe(settings)
    return settings


def database_uri(url: str) -> str:
    """The address as SQLAlchemy wants it: PostgreSQL always through psycopg 3."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def module_port(port: int) -> int:
    """The software module's port beside the site's: 9443, as is usual, beside 8080."""
    away = MODULE_PORT_AWAY
    return port + away if port + away <= PORT_MAX else port - away


def _derive(settings: dict[str, Any], *, of_this_port: bool) -> None:
    instance = Path(settings["INSTANCE_DIR"])
    settings["DATABASE_URL"] = settings["DATABASE_URL"] or f"sqlite:///{instance / 'vending.db'}"
    settings["SQLALCHEMY_DATABASE_URI"] = database_uri(settings["DATABASE_URL"])
    # Hidden: what was typed, and hashes of passwords, stand in no log of a fault.
    settings["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True}
    if settings["SQLALCHEMY_DATABASE_URI"].startswith("postgresql"):
        # The connection used last is used next: it has prepared its statements already.
        settings["SQLALCHEMY_ENGINE_OPTIONS"]["pool_use_lifo"] = True
    settings["SECRET_KEY_FILE"] = instance / "secret.key"
    settings["KEYSTORE_FILE"] = instance / "keystore.json"
    settings["PASSPHRASE_FILE"] = instance / "passphrase"
    if settings["SECRET_KEY"] is None and settings["SECRET_KEY_FILE"].is_file():
        settings["SECRET_KEY"] = settings["SECRET_KEY_FILE"].read_text(encoding="ascii").strip()
    if settings["MODULE_PORT"] is None:
        settings["MODULE_PORT"] = module_port(settings["PORT"])
    settings["MODULE_DIR"] = instance / "module"
    settings["CREDENTIALS_FILE"] = instance / "credentials.key"
    settings["AUDIT_KEY_FILE"] = instance / "audit.key"
    settings["QUEUE_FILE"] = instance / "queue.db"
    if settings["LOG_FORMAT"] is None:
        settings["LOG_FORMAT"] = "json" if settings["MODE"] == "production" else "text"
    for name in ("DEMO", "SOFTWARE_MODULE_ALLOWED"):
        if settings[name] is None:
            settings[name] = settings["MODE"] == "demonstration"
    if settings["TRAINING"] is None:
        settings["TRAINING"] = settings["DEMO"]
    settings["LICENCE_KEY"] = settings["LICENCE_KEY"] or ""
    settings["FILES_DIR"] = instance / "files"
    settings["OUTBOX_DIR"] = instance / "outbox"
    if settings["SITE_URL"] is None and not of_this_port:
        settings["SITE_URL"] = _served(instance / LOCK_NAME)
    if settings["SITE_URL"] is None:
        host = settings["HOST"] if settings["HOST"] not in ("0.0.0.0", "::") else "localhost"  # noqa: S104
        tls = settings["TLS_CERTIFICATE"] or (settings["BEHIND_TLS"] and host not in LOOPBACK)
        scheme, named = "https" if tls else "http", f"[{host}]" if ":" in host else host
        settings["SITE_URL"] = f"{scheme}://{named}:{settings['PORT']}"
    if settings["MAIL_PORT"] is None:
        settings["MAIL_PORT"] = MAIL_PORTS[settings["MAIL_TLS"]]
    if settings["MAIL_FROM"] is None and not settings["MAIL_SERVER"]:
        settings["MAIL_FROM"] = f"{settings['APP_NAME']} <vending@localhost>"
    settings["BEHIND_TLS"] = settings["BEHIND_TLS"] or settings["TLS_CERTIFICATE"] is not None
    settings["SESSION_COOKIE_SECURE"] = settings["BEHIND_TLS"]
    settings["SESSION_COOKIE_NAME"] = "__Host-session" if settings["BEHIND_TLS"] else "session"


def _served(lock: Path) -> str | None:
    """Where the program that holds this folder, or held it last, is found (run.py writes it there)."""
    try:
        return _site(lock.read_text(encoding="ascii").strip()) if lock.is_file() else None
    except ValueError:  # held by an older version, which said nothing
        return None


def _refuse_unsafe(settings: Mapping[str, Any]) -> None:
    """In production nothing is for show, and a weak secret would let anybody make themselves a session."""
    if settings["MODE"] == "production" and settings["DEMO"]:
        raise SettingsError("DEMO is yes, but in production nothing is loaded for show: leave one of the two out.")
    if settings["MODE"] == "production" and settings["TRAINING"]:
        raise SettingsError("TRAINING is yes, but in production nothing is there for show: leave one of the two out.")
    _refuse_open_mail(settings)
    _refuse_odd_certificate(settings["TLS_CERTIFICATE"], settings["TLS_KEY"])
    site = urlsplit(settings["SITE_URL"])
    if settings["BEHIND_TLS"] and site.scheme == "http" and site.hostname not in LOOPBACK:
        raise SettingsError("SITE_URL begins with http://, but people come by TLS: write https://, links lead there.")
    if settings["MODE"] == "production":
        _refuse_plain_connections(settings)
    if settings["ATTEMPTS_IN"] == "redis" and not settings["REDIS_URL"]:
        raise SettingsError("ATTEMPTS_IN is redis, so REDIS_URL must say where it is.")
    secret = settings["SECRET_KEY"]
    if settings["MODE"] != "production" or secret is None:
        return
    if secret.lower() in SAMPLE_SECRETS or len(secret) < SECRET_LENGTH_MIN:
        raise SettingsError(
            f"SECRET_KEY is a sample or shorter than {SECRET_LENGTH_MIN} characters: leave it "
            "out, and `flask setup` makes a good one, or set a long random one."
        )


def _refuse_open_mail(settings: Mapping[str, Any]) -> None:
    """Mail carries links that open accounts: it has a sender, our true address, and no password in the clear."""
    server, sender = settings["MAIL_SERVER"], settings["MAIL_FROM"] or ""
    if not server:
        return
    if not re.fullmatch(r"([^<>\x00-\x1f]*<)?[^@\s<>,;]+@[^@\s<>,;]+>?", sender):
        raise SettingsError("MAIL_SERVER is set, so MAIL_FROM must name one sender, like vending@example.org.")
    if settings["MAIL_TLS"] == "none" and settings["MAIL_PASSWORD"] and server not in LOOPBACK:
        raise SettingsError("MAIL_TLS is none, so MAIL_PASSWORD would be sent in the clear: use starttls or tls.")
    if settings["MODE"] == "production" and urlsplit(settings["SITE_URL"]).hostname in LOOPBACK:
        raise SettingsError("MAIL_SERVER is set, so SITE_URL must say where people find this site: links lead there.")


def _refuse_odd_certificate(certificate: Path | None, key: Path | None) -> None:
    """A certificate and its key come together, and fit."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise SettingsError("TLS_CERTIFICATE and TLS_KEY go together: set both, or none.")
    try:
        # NB: a key under a pass phrase must not stop the start to ask for it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError):
        told = "TLS_CERTIFICATE and TLS_KEY must be a certificate and its own key without a pass phrase, as PEM files."
        raise SettingsError(told) from None


def _refuse_plain_connections(settings: Mapping[str, Any]) -> None:
    """Books, personal data and links go to another machine encrypted, unless its host is named as one of trust."""
    if settings["TLS_CERTIFICATE"] is None and _elsewhere(settings, [settings["HOST"]]):
        told = f"HOST={settings['HOST']} opens the program to the network in the clear: set TLS_CERTIFICATE and TLS_KEY"
        raise SettingsError(f"{told}, or add that address to PLAIN_HOSTS.")
    database = urlsplit(settings["DATABASE_URL"])
    asked = {name: values[-1] for name, values in parse_qs(database.query).items()}
    named = asked.get("host") or (database.hostname or "")
    sockets = ("/", "@")
    hosts = named.split(",") if database.scheme.startswith("postgres") and not named.startswith(sockets) else []
    if _elsewhere(settings, hosts) and asked.get("sslmode") not in SEALED_MODES:
        raise SettingsError(
            "DATABASE_URL names another machine without encryption: add ?sslmode=verify-full (and "
            "sslrootcert=...), or its host to PLAIN_HOSTS."
        )
    queue = urlsplit(settings["REDIS_URL"] or "")
    if queue.scheme == "redis" and _elsewhere(settings, {queue.hostname or ""}):
        told = "REDIS_URL names another machine without encryption: write rediss://, or add its host to PLAIN_HOSTS."
        raise SettingsError(told)


def _elsewhere(settings: Mapping[str, Any], hosts: Iterable[str]) -> bool:
    """Whether one of these hosts is another machine, and not named as one that is spoken to in the clear."""
    trusted = LOOPBACK | settings["PLAIN_HOSTS"]
    return any(host and host.casefold() not in trusted and not re.fullmatch(r"127(\.\d+){3}", host) for host in hosts)
