"""A counter whose security module is at the other end of a wire, behind the proxy that spoils calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.db import transaction
from app.extensions import db
from app.models import ModuleHealth, SecurityModule
from app.services.credentials import make_key_file, seal
from app.services.security_module import InstalledModules, Timing
from tests.services.conftest import Counter
from tests.sts.prism.certificates import make_certificate
from tests.sts.prism.fault_proxy import FaultProxy
from tests.sts.prism.hardware import PASSWORD, USERNAME, Hardware

# A lost answer is given up soon; connecting may take its time on a busy machine.
TIMING = Timing(connect_s=3.0, patience_s=0.3, answer_s=0.6)


@dataclass
class Wire:
    """Both ends, and what is between them."""

    hardware: Hardware
    proxy: FaultProxy
    modules: InstalledModules
    counter: Counter
    restart: Callable[[], InstalledModules]

    def change(self, **facts: Any) -> None:
        """Change the module's row."""
        with transaction() as session:
            row = session.get_one(SecurityModule, 1)
            for name, value in facts.items():
                setattr(row, name, value)

    def health(self, **facts: Any) -> None:
        """What the worker saw."""
        with transaction() as session:
            session.merge(ModuleHealth(module_id=1, **facts))


@contextlib.contextmanager
def wired(cast: Any, folder: Path) -> Iterator[Wire]:
    """The installation's one module, moved to the other end of the wire."""
    key_file = folder / "credentials.key"
    make_key_file(key_file)
    own, other = make_certificate(folder, "own"), make_certificate(folder, "other")
    hardware = Hardware(own)
    opened: list[InstalledModules] = []

    def restart() -> InstalledModules:
        """As a process that has just started sees the modules."""
        opened.append(InstalledModules(lambda *_: None, key_file, TIMING))  # type: ignore[arg-type,return-value]
        return opened[-1]

    with contextlib.ExitStack() as stack:
        behind = stack.enter_context(hardware.served())
        proxy = FaultProxy(own, other, behind)
        port = stack.enter_context(proxy.served())
        modules = restart()
        wire = Wire(hardware, proxy, modules, Counter(cast, modules), restart)
        wire.change(
            kind="prism", address="127.0.0.1", port=port, username=USERNAME,
            sealed_password=seal(PASSWORD, key_file), trust="pinned", fingerprint=own.fingerprint,
        )  # fmt: skip
        yield wire
        for one in opened:
            one.close()
        db.session.rollback()
