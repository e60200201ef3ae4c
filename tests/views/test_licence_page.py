"""The licence on its page and at home: what it says, what is refused, what never is."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.states import MeterType
from app.extensions import db
from app.models import Licence
from app.services import licensing
from tests import licences
from tests.cast import PALM_STREET
from tests.views.forms import text

pytestmark = pytest.mark.one_database
TODAY = datetime.now(UTC).date()


def load(client, content, name="lake.licence"):
    form = {"csrf_token": client.token("/licence/"), "file": (io.BytesIO(content), name)}
    return client.post("/licence/load", data=form, content_type="multipart/form-data")


def standing(app, **terms):
    with app.app_context():
        licences.put(**terms)


def test_a_loaded_licence_shows_whom_it_is_for_and_what_is_left(efua):
    answer = load(efua, licences.signed(meters_allowed=40).encode())
    assert answer.status_code == 303
    page = text(efua.get("/licence/"))
    assert "Issued to Lake Power" in page
    assert "Days left 90" in page
    assert "Meters allowed 40 Meters now 4 Meters that may be added 36" in page
    assert "Loaded so far Lake Power" in page


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This is no licence file."),
        (b"\xff\xfe\x00binary", "This is no licence file."),
        (b"x" * 200_000, "This is no licence file."),
        (licences.signed().replace("meters: 100", "meters: 999").encode(), "The signature is wrong"),
        (licences.signed(licences.STRANGER).encode(), "The signature is wrong"),
        (licences.signed(installation="AAAA-BBBB-CCCC").encode(), "This licence is for the installation AAAA-BBBB-CCCC"),
        (licences.signed(valid_until=TODAY - timedelta(days=2)).encode(), "This licence ended on"),
    ],
    ids=["empty", "binary", "large", "altered", "stranger", "elsewhere", "ended"],
)  # fmt: skip
def test_a_file_that_is_not_taken_says_why_at_its_field(efua, look, content, said):
    before = look(select(Licence.id).order_by(Licence.id.desc()))
    answer = load(efua, content)
    assert answer.status_code == 422
    assert said in text(answer) and 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert look(select(Licence.id).order_by(Licence.id.desc())) == before


def test_no_file_chosen_is_said_too(efua):
    answer = efua.post("/licence/load", data={"csrf_token": efua.token("/licence/")})
    assert answer.status_code == 422 and "Fill this in." in text(answer)


def test_going_back_is_offered_while_nothing_is_limited(app, efua):
    load(efua, licences.signed().encode())
    assert "Go back to the community licence" in text(efua.get("/licence/"))
    assert efua.post("/licence/community", data={"csrf_token": efua.token("/licence/")}).status_code == 303
    assert "Community licence" in text(efua.get("/licence/"))
    standing(app, meters_allowed=4)
    assert "Go back to the community licence" not in text(efua.get("/licence/"))
    answer = efua.post("/licence/community", data={"csrf_token": efua.token("/licence/")})
    assert answer.status_code == 422 and "Load a newer licence instead." in text(answer)


def test_where_no_issuer_is_trusted_the_page_says_what_to_do(app, efua):
    with app.app_context():
        licensing.trust(db.engine, "")
        try:
            page = text(efua.get("/licence/"))
        finally:
            licensing.trust(db.engine, licences.ISSUER.public)
    assert "No issuer is trusted here yet" in page and "for 1,000,000 meters" in page


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (31, ""),
        (30, "The licence ends in 30 days"),
        (1, "The licence ends in 1 day,"),
        (0, "The licence ends today."),
        (-1, "No meter is added. Selling goes on until"),
        (-14, "That is today."),
        (-15, "Nothing is sold and no meter is added"),
    ],
)
def test_administrators_are_warned_at_home_thirty_days_ahead(app, efua, signed_in, days, said):
    standing(app, valid_until=TODAY + timedelta(days=days))
    home = text(efua.get("/"))
    assert said in home if said else "The licence" not in home
    assert "The licence" not in text(signed_in("amara").get("/"))


@pytest.mark.parametrize(("allowed", "said"), [(200, ""), (4, "4 of the 4 meters")])
def test_a_full_licence_is_told_at_home(app, efua, allowed, said):
    standing(app, meters_allowed=allowed)
    home = text(efua.get("/"))
    assert said in home if said else "The licence" not in home


def test_a_licence_long_over_shuts_no_page_but_the_sale(app, efua, amara, cast):
    standing(app, valid_until=TODAY - timedelta(days=60))
    for path in (
        "/meters/list/", f"/meters/show/{cast.meters['mill']}", "/consumers/list/", "/sales/list/", "/audit/list/",
        "/tariffs/list/", "/settings/show/1", "/licence/", "/set-up/", f"/meters/edit/{cast.meters['mill']}",
    ):  # fmt: skip
        assert efua.get(path).status_code == 200, path
    assert "The licence ended on" in text(amara.get(f"/counter/meter/{PALM_STREET}"))
    assert MeterType.ELECTRICITY in efua.get("/meters/list/").get_data(as_text=True)


def test_a_manager_reads_the_licence_and_loads_none(signed_in):
    chidi = signed_in("chidi")
    assert "Load a licence" not in text(chidi.get("/licence/"))
    assert chidi.post("/licence/load", data={"csrf_token": chidi.token("/account/")}).status_code == 403
