"""The crash trial: cashiers sell through the running site while its processes are killed at random.

Killed (SIGKILL) are web workers, the web server, the security module and the background worker; on
PostgreSQL also the connections of the database. Afterwards, once `vend resolve` has run: every
tender that a cashier took has exactly one token or was released, no two tokens of a meter share a
token id, the module counts what the books hold, every token decodes to what its sale says.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.states import SaleStatus, TokenKind
from app.extensions import db
from app.models import Meter, Sale, SecurityModule, Token
from app.services.ledger_check import differences
from app.sts.keystore import KeyStore, read_passphrase
from app.sts.prism.admin import counts_per_day
from app.sts.verify import verify
from tests.stories.crash_browser import Browser, Tender

ROOT = Path(__file__).resolve().parents[2]
SELLERS = ("amara", "bento", "fatou")
PASSWORD = "demo"
UP_S, DOWN_S, THINK_S = 90, 20, 0.2


@dataclass
class Figures:
    """What a trial counted."""

    tenders: int = 0
    presses: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    issued: int = 0
    failed: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Site:
    """An installation with the demonstration's registry, served by processes of its own."""

    def __init__(self, folder: Path, ports: tuple[int, ...], database_url: str | None = None) -> None:
        self.folder, self.root = folder, f"http://127.0.0.1:{ports[0]}"
        self.url = database_url or f"sqlite:///{folder / 'vending.db'}"
        self.settings = {
            "INSTANCE_DIR": folder, "DATABASE_URL": self.url, "PORT": ports[0], "MODULE_PORT": ports[1],
            "LOGIN_RATE_LIMIT": "1000 per minute", "LOOK_UP_RATE_LIMIT": "1000 per hour",
        }  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        # What the supervisor said of its children.
        self.said: list[str] = []

    def prepare(self) -> None:
        """Tables, people and meters, but no sales: done here, as two processes would take seconds to start."""
        from app.demo import load_demonstration

        app = _app(self)
        self._flask("setup")
        with app.app_context():
            load_demonstration(app.extensions["modules"], days=0)
            db.session.remove()
            db.engine.dispose()

    def start(self) -> None:
        """Start all processes and wait until the site answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.crash_stack"], cwd=ROOT, env=self._environment(),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        until = time.monotonic() + UP_S
        while self._process.stdout.readline().strip() != "UP":
            assert time.monotonic() < until and self._process.poll() is None, "the site did not come up"
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self.said.extend(line.rstrip() for line in self._process.stdout)

    def stop(self) -> None:
        """End all processes."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DOWN_S)
            self._listener.join(DOWN_S)
            self._process.stdout.close()

    def resolve(self) -> None:
        """`flask vend resolve` as an administrator would, with nothing under way any more."""
        self._flask("vend", "resolve", "--wait", "0")

    def _flask(self, *arguments: str) -> None:
        done = _app(self).test_cli_runner().invoke(args=arguments)
        assert done.exit_code == 0, done.output

    def victims(self) -> dict[str, list[int]]:
        """The processes that may be killed, by what they are."""
        assert self._process is not None
        found: dict[str, list[int]] = {}
        for child in children(self._process.pid):
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            if "gunicorn" in command:
                found["web server"] = [child]
                found["web worker"] = children(child)
            elif "prism.service" in command:
                found["module"] = [child]
            elif "app.worker" in command:
                found["worker"] = [child]
        return {name: pids for name, pids in found.items() if pids}

    def _environment(self) -> dict[str, str]:
        named = {name: str(value) for name, value in self.settings.items()}
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT), **named}


def children(parent: int) -> list[int]:
    """The direct children of a process."""
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


class Killer(threading.Thread):
    """Kills something every now and then, until it is told to stop or has killed `most`."""

    def __init__(
        self, site: Site, chance: random.Random, pause_s: tuple[float, float], most: float = math.inf, cut: Any = None
    ) -> None:
        super().__init__(daemon=True)
        self.site, self.chance, self.pause_s, self.most, self.cut = site, chance, pause_s, most, cut
        self.kills: Counter[str] = Counter()
        self.enough = threading.Event()

    def run(self) -> None:
        """Choose, kill, wait."""
        while self.kills.total() < self.most and not self.enough.wait(self.chance.uniform(*self.pause_s)):
            victims = self.site.victims()
            names = sorted(victims) + (["database connection"] if self.cut else [])
            if not names:
                continue
            name = self.chance.choice(names)
            if name == "database connection":
                self.kills[name] += self.cut()
            else:
                try:
                    os.kill(self.chance.choice(victims[name]), signal.SIGKILL)
                    self.kills[name] += 1
                except ProcessLookupError:
                    continue


def trial(
    site: Site, tenders: int, clients: int, seed: int, pause_s: tuple[float, float], cut: Any = None,
    most: float = math.inf,
) -> Figures:
    """Sell `tenders` times by `clients` cashiers while things are killed; then count and compare.

    `most` kills: where processes start slowly, killing without an end would let nobody sell at all.
    """
    begun = time.monotonic()
    numbers = _meters(site)
    killer = Killer(site, random.Random(seed), pause_s, most, cut)
    taken: list[Tender] = []
    troubles: list[BaseException] = []

    def cashier(number: int) -> None:
        try:
            who = SELLERS[number % len(SELLERS)]
            browser = Browser(site.root, who, PASSWORD)
            for turn in range(number, tenders, clients):
                meter = numbers[who][turn % len(numbers[who])]
                taken.append(browser.sells(meter, f"{3 + turn // 100}.{turn % 100:02d}"))
                time.sleep(THINK_S)
        except BaseException as error:  # noqa: BLE001 (told by the trial itself)
            troubles.append(error)

    cashiers = [threading.Thread(target=cashier, args=(n,)) for n in range(clients)]
    for thread in cashiers:
        thread.start()
    killer.start()
    for thread in cashiers:
        thread.join()
    killer.enough.set()
    killer.join()
    if troubles:
        raise troubles[0]
    figures = Figures(len(taken), sum(t.presses for t in taken), killer.kills)
    figures.seconds = time.monotonic() - begun
    _wait_for_module(site)
    verdict(site, taken, figures)
    return figures


def verdict(site: Site, taken: list[Tender], figures: Figures) -> None:
    """Resolve what waits, then hold books, tokens and module against each other."""
    with _app(site).app_context():
        figures.waiting = db.session.query(Sale).filter_by(status=SaleStatus.RESERVED).count()
        db.session.remove()
        site.resolve()
        sales = {sale.id: sale for sale in db.session.query(Sale)}
        tokens = db.session.query(Token).filter_by(kind=TokenKind.CREDIT).all()
        statuses = Counter(sale.status for sale in sales.values())
        figures.issued, figures.failed = statuses[SaleStatus.ISSUED], statuses[SaleStatus.FAILED]
        figures.tokens = len(tokens)
        assert statuses[SaleStatus.RESERVED] == 0, statuses
        assert len({t.reference for t in taken}) == len(taken)
        for tender in taken:
            assert sales[tender.sale_id].reference == tender.reference
        assert differences() == []
        of_sale = Counter(token.sale_id for token in tokens)
        for sale in sales.values():
            assert of_sale[sale.id] == (1 if sale.status is SaleStatus.ISSUED and sale.token_units else 0), sale.id
        places = [(token.pan, token.base_date, token.token_id) for token in tokens]
        assert len(places) == len(set(places)), "two tokens share a token id"
        assert module_count(site) == len(tokens), (module_count(site), len(tokens))
        _decode(site, tokens, sales)


def module_count(site: Site) -> int:
    """Credit tokens that the module itself has counted."""
    app = _app(site)
    row = db.session.query(SecurityModule).filter_by(kind="prism").one()
    today = datetime.now(UTC).date()
    place = app.extensions["modules"].place_of(row)
    return sum(n for _day, kind, _sub, n in counts_per_day(place, today.replace(day=1), today) if kind == 0)


def _decode(site: Site, tokens: list[Token], sales: dict[int, Sale]) -> None:
    """Every token is good for its meter and carries what its sale says."""
    from app.sts.keyring import KeyRing
    from app.sts.module import MeterConfig

    folder = site.folder / "module"
    keys = KeyStore.open(folder / "keystore.json", read_passphrase(folder / "passphrase")).keys
    ring = KeyRing(keys, timedelta(0), "production")
    for token in tokens:
        config = MeterConfig(token.pan, token.ea, token.tct, token.sgc, token.krn, token.ti, 255)
        vending_key = ring.of(config)
        read = verify(token.digits, ring.decoder_key(config, vending_key), base_date=vending_key.base_date, ken=255)
        assert read.accepted, (token.id, read.reason)
        assert (read.amount, read.token_id) == (sales[token.sale_id].carried_units, token.token_id)


_apps: dict[Path, Any] = {}


def _app(site: Site) -> Any:
    from app import create_app

    if site.folder not in _apps:
        _apps[site.folder] = create_app(site.settings)
    return _apps[site.folder]


def _meters(site: Site) -> dict[str, list[str]]:
    """What each seller may sell to: meters of the own region that can buy."""
    from app.access.current import scope_of
    from app.access.scope import By, narrow
    from app.domain.errors import Refusal
    from app.models import AppUser
    from app.services.vending import Wish, quote

    numbers: dict[str, list[str]] = {}
    with _app(site).app_context():
        for who in SELLERS:
            scope = scope_of(db.session.query(AppUser).filter_by(username=who).one())
            own = db.session.execute(narrow(db.select(Meter.meter_number), scope, By.CONSUMER_REGION, Meter)).scalars()
            numbers[who] = []
            for number in own.all():
                try:
                    quote(Wish(number, False, 5_00), scope)
                except Refusal:
                    continue
                numbers[who].append(number)
            assert numbers[who], who
        db.session.remove()
    return numbers


def _wait_for_module(site: Site) -> None:
    """Until the module that was killed last answers again."""
    until = time.monotonic() + UP_S
    while time.monotonic() < until:
        try:
            with _app(site).app_context():
                module_count(site)
                db.session.remove()
        except Exception:  # noqa: BLE001 (it is not up yet)
            time.sleep(0.3)
        else:
            return
    raise AssertionError("the module did not come back")
