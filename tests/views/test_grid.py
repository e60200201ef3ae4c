"""The access grid: every registered route, for every role, on one's own row and on a stranger's.

A route without a line in `grid_lines.py` fails.  A foreign row answers exactly as one that
does not exist.  No GET, and nothing that is refused, changes a single row.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template
from flask_login import current_user
from sqlalchemy import select

from app.extensions import db
from app.models import AppUser
from app.views import doors, troubles
from tests.cast import password_hash
from tests.views.grid_lines import EVERYBODY, LINES, Line
from tests.views.grid_visitors import COAST, NOBODY, PEOPLE, SHUT, TAKEN, Grid
from tests.world import World, make_world


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
            with grid.drawing(who, line):
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
                with grid.drawing(who, line):
                    answer = grid.ask(who, method, path)
                grid.expect(answer, TAKEN | line.answers, f"act: {who} {path}")
