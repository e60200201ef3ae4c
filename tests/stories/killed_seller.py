"""A seller in a process of its own, who is killed in the middle of the work.

The n-th statement that reaches the database is where it dies (SIGKILL), before it runs or
after: so every gap between two steps of a sale can be hit.  Started by a fork server, which
has everything imported already.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.extensions import db
from app.services.module_journal import DatabaseJournal
from app.services.security_module import InstalledModules
from app.services.vending import Order, vend
from app.sts.demonstration import demonstration_keys
from app.sts.software import SoftwareModule


@dataclass(frozen=True)
class Task:
    """What the seller does, and where it dies: at `kill_at`, counted in statements and commits."""

    url: str
    orders: tuple[Order, ...]
    scope: Any
    kill_at: int
    after: bool
    report: str


def small_app(url: str) -> Flask:
    """The services without the pages."""
    from app import models  # noqa: F401
    from app.db import configure_sqlite
    from config import database_uri

    app = Flask("seller")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_uri(url)
    db.init_app(app)
    with app.app_context():
        if url.startswith("sqlite"):
            configure_sqlite(db.engine)
    return app


def modules() -> InstalledModules:
    """The software module with the public keys and the database's journal."""
    keys = demonstration_keys()
    return InstalledModules(
        lambda name, offset: SoftwareModule(name, keys, DatabaseJournal(), tid_offset_minutes=offset)
    )


def sell_and_die(task: Task) -> None:
    """Sell the orders one after another; die at the chosen step, or finish and say so."""
    app = small_app(task.url)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == task.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        engine, when = db.engine, "after_cursor_execute" if task.after else "before_cursor_execute"
        event.listen(engine, when, lambda *_: step())
        event.listen(engine, "commit", lambda *_: step())
        installed = modules()
        for order in task.orders:
            vend(order, task.scope, installed)
    Path(task.report).write_text(str(steps), encoding="ascii")
