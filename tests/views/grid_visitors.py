"""The grid's visitors: a signed-in browser for every role, one request at a time, and what was at fault."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from flask import Flask
from jinja2 import Template
from sqlalchemy import select, text, update
from werkzeug import Response

from app.extensions import db
from app.models import AppUser, UserSession
from app.models.base import now
from app.services import outbox
from tests.cast import drn
from tests.fixtures.application import Visitor, csrf_token, let_in
from tests.views.grid_lines import LINES, Line
from tests.world import World

PEOPLE = {"O": "amara", "M": "chidi", "A": "dalia", "R": "rada", "E": "efua"}
NOBODY = ("anonymous", "disabled", "expired")
COAST = "OMAR"  # whose region is the coast: Harbour is foreign to them
NO_SUCH = 987_654_321
SHUT = {302, 401}
# Answers of a page that took a request without what it needs: not a refusal at the door.
TAKEN = {200, 204, 302, 303, 400, 409, 422}


class Grid:
    """The application, a signed-in browser for every role, and what was tried."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self.world = app, world
        with app.app_context():
            sqlite = db.engine.dialect.name == "sqlite"
        # Rights do not depend on the database; rows do, and two kinds of scope show it, pages one of them.
        self.people, self.readers = ("OMARE", "OMARE") if sqlite else ("OR", "O")
        self.rows = world.rows | {
            "file": {"market": "css/app.css"},
            "fab_file": {"market": "js/jquery-latest.js"},
            "source": {"market": "regions"},
            "step": {"market": "tariff"}, "chapter": {"market": "counter"}, "picture": {"market": "counter.jpg"},
            "kind": {"market": "meters"},
            "report": {"market": "sales-statistics"},
            "currency": {"market": 1},
            "settings": {"market": 1},
            "secret": {"market": "no-such-secret"},
            "message": {"market": outbox.put(app.config["OUTBOX_DIR"], b"To: amara@example.org\r\nSubject: x\r\n\r\nx")},
        }
        self.tried: Counter[str] = Counter()
        self.faults: list[str] = []
        self.clients: dict[str, Visitor] = {letter: self.enter(name) for letter, name in PEOPLE.items()}
        self.clients |= {"anonymous": self.app.test_client()}
        self.clients |= {"disabled": self.enter("corin"), "expired": self.enter("amara")}
        self.tokens = {who: csrf_token(self.page(who)) for who in self.clients}
        self.lock_out()
        self.adapter = app.url_map.bind("localhost")

    def enter(self, name: str) -> Visitor:
        """A browser in which this person has signed in."""
        client = self.app.test_client()
        let_in(self.app, client, name)
        return client

    def page(self, who: str) -> str:
        """A page of this person that has a form."""
        client = self.clients[who]
        return client.get("/login/" if who == "anonymous" else "/account/").get_data(as_text=True)

    def lock_out(self) -> None:
        """Switch Corin off, and let one of Amara's two sessions grow old."""
        with self.app.app_context():
            db.session.execute(update(AppUser).where(AppUser.username == "corin").values(active=False))
            user = db.session.scalar(select(AppUser.id).where(AppUser.username == "amara"))
            newest = db.session.scalar(
                select(UserSession.id).where(UserSession.user_id == user).order_by(UserSession.id.desc()).limit(1)
            )
            long_ago = now() - timedelta(days=2)
            db.session.execute(
                update(UserSession).where(UserSession.id == newest).values(seen=long_ago, started=long_ago)
            )
            db.session.commit()

    # --- one request ----------------------------------------------------------------------

    def path(self, rule: Any, line: Line, row: Any) -> str:
        """The address of a route with this row in it."""
        return self.adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, row))

    def ask(self, who: str, method: str, path: str, *, token: bool = True) -> Any:
        """Send one request; a POST carries the page's token unless it shall not."""
        self.tried[who] += 1
        data = {"csrf_token": self.tokens[who]} if token and method == "POST" else {}
        try:
            answer = self.clients[who].open(path, method=method, data=data if method == "POST" else None)
            answer.get_data()  # a file stays open until it is read
            answer.close()
            return answer
        except Exception as error:  # noqa: BLE001  (the walk goes on; the fault is named at the end)
            self.faults.append(f"{who} {method} {path} raised {error!r:.300}")
            return Response(status=500)

    def drawing(self, who: str, line: Line) -> AbstractContextManager[Any]:
        """Whose page is drawn, and who only hears that it is there.

        A vending point and a region are the two kinds of scope: the seller and the administrator of a
        region see between them all that can be foreign, and the others draw what these two may not.
        """
        return nullcontext() if who in "OR" or "R" not in line.who else patch.object(Template, "render", return_value="")

    def expect(self, answer: Any, allowed: set[int] | frozenset[int], what: str) -> None:
        """Note a fault unless the answer is one of these."""
        if answer.status_code not in allowed:
            self.faults.append(f"{what}: {answer.status_code}, not {sorted(allowed)}")

    def foreign_to(self, line: Line, who: str) -> list[Any]:
        """Rows of this kind that are a stranger's."""
        if line.row is None or line.common or who == "E":
            return []
        rows = self.rows[line.row]
        places = [place for place in ("harbour",) if place in rows and who in COAST]
        if who == "O" and "corner" in rows:
            places.append("corner")
        return [rows[place] for place in places]

    def nothing(self, line: Line) -> Any:
        """A row that does not exist."""
        return drn("0100000099") if line.row == "meter_number" else NO_SUCH

    def routes(self) -> list[tuple[Any, str, Line]]:
        """Every (route, method, line)."""
        return [
            (rule, method, LINES[rule.endpoint])
            for rule in self.app.url_map.iter_rules()
            for method in sorted(rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"})
            if rule.endpoint in LINES
        ]

    def fingerprint(self) -> str:
        """A hash of every row of every table; only `user_session.seen` may move."""
        digest = hashlib.sha256()
        with self.app.app_context():
            for table in sorted(db.metadata.tables):
                columns = [
                    column.name
                    for column in db.metadata.tables[table].columns
                    if (table, column.name) != ("user_session", "seen")
                ]
                names = ", ".join(f'"{name}"' for name in columns)
                rows = sorted(map(repr, db.session.execute(text(f'SELECT {names} FROM "{table}"'))))  # noqa: S608
                digest.update(f"{table}{rows}".encode())
            db.session.remove()
        return digest.hexdigest()
