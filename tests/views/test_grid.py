"""The access grid: every registered route, for every role, on one's own row and on a stranger's.

A route without a line in `grid_lines.py` fails.  A foreign row answers exactly as one that
does not exist.  No GET, and nothing that is refused, changes a single row.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, render_template
from flask_login import current_user
from sqlalchemy import select, text, update
from werkzeug import Response

from app.extensions import db
from app.models import AppUser, UserSession
from app.models.base import now
from app.services import outbox
from app.views import doors, troubles
from tests.cast import drn, password_hash
from tests.fixtures.application import Visitor, csrf_token, let_in
from tests.views.grid_lines import EVERYBODY, LINES, Line
from tests.world import World, make_world

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


def blurred(answer: Any) -> str:
    """A page without what differs from request to request."""
    page = re.sub(r'(nonce|value|data-csrf|href|action|content)="[^"]*"', "", answer.get_data(as_text=True))
    return re.sub(r"[0-9]+", "", page)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(app)


@pytest.fixture
def grid(app: Flask, world: World) -> Grid:
    with app.app_context():
        efua = db.session.scalars(select(AppUser).where(AppUser.username == "efua")).one()
        rada = AppUser(
            username="rada", first_name="Rada", last_name="Test", email="rada@example.org", active=True,
            password=password_hash(), group_id=efua.group_id, region_id=world.cast.regions["coast"],
        )  # fmt: skip
        db.session.add(rada)
        db.session.commit()
        db.session.remove()
    return Grid(app, world)


@pytest.mark.both_databases
def test_a_foreign_row_does_not_exist(grid, capsys):
    """What asks the database, on both of them."""
    before = grid.fingerprint()
    foreign_rows_do_not_exist(grid)
    stands_as(grid, before, "a GET, or a refused POST, has changed a row")
    tell(grid, capsys)


@pytest.mark.both_databases
def test_no_page_tells_of_a_foreign_row(grid, capsys):
    """The same."""
    before = grid.fingerprint()
    pages_open_and_tell_nothing_foreign(grid)
    stands_as(grid, before, "a GET has changed a row")
    tell(grid, capsys)


@pytest.mark.one_database
def test_every_route_has_its_line(app):
    routes = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert routes - LINES.keys() == set(), "routes without a line in grid_lines.py"
    assert LINES.keys() - routes == set(), "lines without a route"


@pytest.fixture
def refused_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a refusal is drawn once for each visitor: hundreds of times the same cost a quarter of this walk."""
    drawn: dict[Any, str] = {}

    def draw(template: str, **facts: Any) -> str:
        key = template, current_user.get_id()
        if key not in drawn:
            drawn[key] = render_template(template, **facts)
        return drawn[key]

    for module in (doors, troubles):
        monkeypatch.setattr(module, "render_template", draw)


@pytest.mark.one_database
def test_nobody_comes_in_without_a_session_a_token_or_a_permission(grid, refused_briefly, capsys):
    before = grid.fingerprint()
    strangers_are_shut_out(grid)
    forms_without_a_token_are_refused(grid)
    roles_without_the_permission_are_refused(grid)
    stands_as(grid, before, "something that was refused has changed a row")
    tell(grid, capsys)


@pytest.mark.one_database
def test_every_door_opens_for_whom_it_should(grid, capsys):
    acts_reach_their_page(grid)
    assert not grid.faults, "\n".join(grid.faults)
    tell(grid, capsys)


def stands_as(grid: Grid, before: str, otherwise: str) -> None:
    assert not grid.faults, "\n".join(grid.faults)
    assert grid.fingerprint() == before, otherwise


def tell(grid: Grid, capsys: Any) -> None:
    with capsys.disabled():
        print(
            f"\naccess grid: {len(LINES)} routes x {len(grid.clients)} kinds of visitors x own, foreign and"
            f" missing rows: {sum(grid.tried.values())} requests"
        )


def own(grid: Grid, line: Line) -> Any:
    return grid.rows[line.row]["market"] if line.row else None


def strangers_are_shut_out(grid: Grid) -> None:
    for rule, method, line in grid.routes():
        for who in NOBODY:
            if line.who == EVERYBODY:
                continue
            others = foreign_rows(grid, line)[:1] if who == "anonymous" else []
            for row in [own(grid, line), *others]:
                path = grid.path(rule, line, row)
                answer = grid.ask(who, method, path)
                grid.expect(answer, SHUT, f"{who} {method} {path}")
                if answer.status_code == 302 and "/login/" not in answer.headers["Location"]:
                    grid.faults.append(f"{who} {method} {path} is led to {answer.headers['Location']}")


def foreign_rows(grid: Grid, line: Line) -> list[Any]:
    return [] if line.row is None else [row for place, row in grid.rows[line.row].items() if place != "market"]


def forms_without_a_token_are_refused(grid: Grid) -> None:
    for rule, method, line in grid.routes():
        if method == "POST":
            for who in ("O", "E", "anonymous"):
                path = grid.path(rule, line, own(grid, line))
                # A stranger is asked to sign in first: nothing typed is lost to an old cookie.
                refused = SHUT if who == "anonymous" and line.who != EVERYBODY else {400}
                grid.expect(grid.ask(who, method, path, token=False), refused, f"no token: {who} {path}")


def roles_without_the_permission_are_refused(grid: Grid) -> None:
    for rule, method, line in grid.routes():
        for who in PEOPLE:
            if who in line.who or line.who == EVERYBODY:
                continue
            # Whose row it is must not matter: each role tries one of them, and over all roles both are tried.
            foreign = foreign_rows(grid, line)[:1] if who in "MR" else []
            for row in foreign or [own(grid, line)]:
                path = grid.path(rule, line, row)
                grid.expect(grid.ask(who, method, path), {403}, f"{who} {method} {path}")


def foreign_rows_do_not_exist(grid: Grid) -> None:
    for rule, method, line in grid.routes():
        for who in PEOPLE:
            if who not in line.who:
                continue
            rows = grid.foreign_to(line, who) if who in grid.people else []
            missing = grid.ask(who, method, grid.path(rule, line, grid.nothing(line))) if rows else None
            for row in rows:
                path = grid.path(rule, line, row)
                answer = grid.ask(who, method, path)
                grid.expect(answer, {404}, f"foreign: {who} {method} {path}")
                if (answer.status_code, blurred(answer)) != (missing.status_code, blurred(missing)):
                    grid.faults.append(f"{who} {method} {path} differs from a missing row")


def pages_open_and_tell_nothing_foreign(grid: Grid) -> None:
    for rule, method, line in grid.routes():
        for who in grid.readers:
            if method != "GET" or (who not in line.who and line.who != EVERYBODY):
                continue
            path = grid.path(rule, line, own(grid, line))
            answer = grid.ask(who, method, path)
            grid.expect(answer, line.answers, f"own: {who} {path}")
            if answer.mimetype == "text/html" and (lapse := beside_the_policy(answer)):
                grid.faults.append(f"{who} {path} {lapse}")
            if who in COAST and answer.mimetype in ("text/html", "application/json"):
                page = answer.get_data(as_text=True)
                told = [secret for secret in grid.world.secrets if secret in page]
                if told:
                    grid.faults.append(f"{who} {path} tells {told}")


def beside_the_policy(answer: Any) -> str:
    """What a page has that its content policy forbids, or what the policy itself lets in."""
    rules = dict(rule.partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split("; "))
    page = answer.get_data(as_text=True)
    nonce = re.findall(r"'nonce-([^']+)'", rules["script-src"])
    if "unsafe" in rules["script-src"] or "*" in rules["script-src"] or rules["default-src"] != "'none'" or len(nonce) != 1:
        return "lets any script run"
    if [tag for tag in re.findall(r"<(?:script|style)\b[^>]*>", page) if f'nonce="{nonce[0]}"' not in tag]:
        return "has a script or style without its word"
    if re.search(r"<[^>]*\son[a-z]+\s*=", page) or re.search(r"(?:href|action|src)\s*=\s*[\"']?\s*javascript:", page, re.IGNORECASE):
        return "has an inline handler"
    return ""


def acts_reach_their_page(grid: Grid) -> None:
    """A POST with its token and nothing else: taken or refused for what it lacks, never at the door."""
    last = ("AuthView.logout",)
    routes = sorted(grid.routes(), key=lambda found: (found[0].endpoint in last, found[0].endpoint))
    for rule, method, line in routes:
        for who in PEOPLE:
            if method == "POST" and (who in line.who or line.who == EVERYBODY):
                path = grid.path(rule, line, own(grid, line))
                grid.expect(grid.ask(who, method, path), TAKEN | line.answers, f"act: {who} {path}")
