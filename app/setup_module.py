"""The software module of an installation: its folder or key store, and its row in the books.

An empty installation gets one: in a process of its own (`MODULE_PORT`), or inside the web
processes when that is 0.  One that has a module keeps it as it is.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import SecurityModule, SupplyGroupKey
from app.module_process import LOOPBACK
from app.services.credentials import make_key_file, seal
from app.sts.demonstration import demonstration_keys, is_demonstration
from app.sts.keystore import KeyStore, VendingKey, create_passphrase, read_passphrase
from app.sts.module import KeyFacts
from app.sts.prism import folder as module_folder
from app.sts.prism import users
from app.sts.prism.journal import MEMORY

NAME = "Software module"
MEMORY_H = int(MEMORY.total_seconds()) // 3600 - 24  # with a day to spare


def seed_module(session: Session, config: dict[str, Any]) -> list[str]:
    """Make the software module of an installation that has none; says what was done."""
    make_key_file(Path(config["CREDENTIALS_FILE"]))  # passwords of modules that are added later
    if not config["SOFTWARE_MODULE_ALLOWED"]:
        return []
    keys = demonstration_keys() if config["DEMO"] else ()
    kinds = set(session.execute(select(SecurityModule.kind)).scalars())
    if "software" in kinds:
        _key_store(config, keys)
    if kinds:
        return _follow_port(session, config)
    module = SecurityModule(name=NAME, serves_legacy=True, serves_sts6=True, active=True)
    store = _own_process(module, config, keys) if config["MODULE_PORT"] else _inside(module, config, keys)
    session.add(module)
    session.flush()
    session.add_all(key_row(module.id, key.facts()) for key in store.keys)
    where = f"on {LOOPBACK} port {module.port}" if module.port else "inside the web processes"
    return [f"software module registered {where}, with {len(store.keys)} keys"]


def _own_process(module: SecurityModule, config: dict[str, Any], keys: tuple[VendingKey, ...]) -> KeyStore:
    """A folder for the module's process, and the row that finds and trusts it."""
    folder = Path(config["MODULE_DIR"])
    prepared = module_folder.prepare(folder, vending_keys=keys, host=LOOPBACK)
    password = prepared.password
    if password is None:
        # The folder is older than the books: its password was sealed in others, or stopped half-way.
        password = secrets.token_urlsafe(24)
        module_folder.add_user(folder, prepared.username, password, users.PERMISSIONS)
    module.kind, module.address, module.port = "prism", LOOPBACK, config["MODULE_PORT"]
    module.username, module.trust = prepared.username, "pinned"
    module.fingerprint = prepared.fingerprint
    module.memory_hours = MEMORY_H
    module.sealed_password = seal(password, Path(config["CREDENTIALS_FILE"]))
    return module_folder.open_keys(folder)


def _inside(module: SecurityModule, config: dict[str, Any], keys: tuple[VendingKey, ...]) -> KeyStore:
    """A key store beside the books, and the row of the module that uses it."""
    module.kind = "software"
    _key_store(config, keys)
    return KeyStore.open(config["KEYSTORE_FILE"], read_passphrase(config["PASSPHRASE_FILE"]))


def _key_store(config: dict[str, Any], keys: tuple[VendingKey, ...]) -> None:
    """Make it when it is missing; outside a demonstration it starts without keys."""
    path, passphrase_file = Path(config["KEYSTORE_FILE"]), Path(config["PASSPHRASE_FILE"])
    if not path.exists():
        words = read_passphrase(passphrase_file) if passphrase_file.exists() else create_passphrase(passphrase_file)
        KeyStore.create(path, words, keys)


def _follow_port(session: Session, config: dict[str, Any]) -> list[str]:
    """Our own module, known by its certificate, listens where the setting says: the row follows."""
    folder = Path(config["MODULE_DIR"])
    if not (config["MODULE_PORT"] and (folder / module_folder.CERTIFICATE).exists()):
        return []
    ours = session.execute(
        select(SecurityModule).where(
            SecurityModule.kind == "prism",
            SecurityModule.address == LOOPBACK,
            SecurityModule.fingerprint == module_folder.fingerprint(folder),
            SecurityModule.port != config["MODULE_PORT"],
        )
    ).scalars()
    moved, running = [], _runs_already(Path(config["INSTANCE_DIR"]))
    for row in ours:
        if running:
            moved.append(
                f"NB: the program runs on this folder, and {row.name} listens on port {row.port}: left so, though "
                f"MODULE_PORT is {config['MODULE_PORT']} here"
            )
            continue
        row.port = config["MODULE_PORT"]
        moved.append(f"{row.name} listens on port {row.port} now")
    return moved


def _runs_already(folder: Path) -> bool:
    """Whether a program holds the folder that did not start us; its module listens where the row says."""
    if os.environ.get("RUN_PID") == str(os.getppid()):
        return False
    try:
        with (folder / "run.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def key_row(module_id: int, facts: KeyFacts) -> SupplyGroupKey:
    """The row that tells of a vending key without the key."""
    return SupplyGroupKey(
        module_id=module_id,
        sgc=facts.sgc,
        krn=facts.krn,
        key_type=facts.key_type,
        dkga=facts.dkga,
        base_date=facts.base_date,
        ken=facts.ken,
        kcv=facts.kcv,
        active_from=facts.active_from,
        active_to=facts.active_to,
        demonstration=is_demonstration(facts.kcv),
    )
