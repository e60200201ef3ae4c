"""The guide inside the program: every page leads to the part that explains it, and nothing else comes out."""

from __future__ import annotations

import re

import pytest

from app.views import guide
from app.views.menu import LINES

LINK = re.compile(r'(?:href|src)="([^"]+)"')
ID = re.compile(r' id="([^"]+)"')

pytestmark = pytest.mark.one_database


def test_every_page_leads_to_a_place_that_there_is(app, cast):
    with app.test_request_context():
        known = {name: {"", *ID.findall(guide.chapter(name).html)} for name in guide.chapters()}
        lost = [
            (view, place) for view, place in guide.PLACES.items()
            if place.partition("#")[2] not in known.get(place.partition("#")[0], ())
        ]  # fmt: skip
    assert lost == []
    assert sorted({line.name for line in LINES} - set(guide.PLACES)) == []


def test_every_link_of_the_guide_is_answered(app, cast, signed_in):
    client = signed_in("amara")
    todo, seen = ["/help/"], set()
    while todo:
        address = todo.pop().split("#")[0]
        if address in seen or not address.startswith("/help/"):
            continue
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        if answer.mimetype == "text/html":
            text = answer.get_data(as_text=True)
            article = re.search(r"<article.*</article>", text, re.DOTALL).group()
            assert [link for link in LINK.findall(article) if not link.startswith(("/help/", "#"))] == []
            todo += LINK.findall(text)
    assert len(seen) > 25


@pytest.mark.parametrize("name", ["..%2Fsecurity", "security", "pictures/..%2F..%2Fguide%2Fcounter.md", "pictures/account.md", "pictures/none.jpg"])
def test_nothing_but_the_guide_comes_out(app, cast, signed_in, name):
    assert signed_in("amara").get(f"/help/{name}").status_code == 404


def test_nobody_reads_it_from_outside(app, cast):
    assert app.test_client().get("/help/counter").status_code in {302, 401}


def test_the_bar_of_a_page_leads_to_its_part_and_the_guide_says_that_it_is_english(app, cast, signed_in):
    client = signed_in("amara")
    assert 'href="/help/counter"' in client.get("/counter/").get_data(as_text=True)
    english = client.get("/help/counter").get_data(as_text=True)
    client.post("/account/language", data={"language": "fr", "csrf_token": client.token("/account/")})
    page = client.get("/help/counter").get_data(as_text=True)
    assert '<html lang="fr"' in page and page.count('<div class="note ') == english.count('<div class="note ') + 1
    assert '<article class="card-body guide" lang="en"' in page


def test_what_looks_like_html_in_a_file_is_shown_and_not_obeyed(app, cast, tmp_path, monkeypatch):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "bad.md").write_text("# A\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![y](../../secret.jpg)\n", "utf-8")
    monkeypatch.setattr(guide, "chapters", lambda: {"bad": tmp_path / "guide" / "bad.md"})
    with app.test_request_context():
        html = guide.chapter("bad").html
    assert "<script" not in html and "&lt;script&gt;" in html and "javascript:" not in re.sub(r"\[x\]\(javascript[^)]*\)", "", html)
    assert 'src="/help/pictures/secret.jpg"' in html
