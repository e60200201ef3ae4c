"""Setting up slips: what is stored, what is refused, the sample beside the form."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from app.models import AuditEntry, Settings, SlipLogo
from tests.services.test_slip_logo import SVG, picture
from tests.views import forms

pytestmark = pytest.mark.one_database
EDIT = "/slips/edit/1"


def fields(client, **typed):
    return {**forms.fields(client.get(EDIT).get_data(as_text=True)), **typed}


def post(client, path=EDIT, **typed):
    return client.post(path, data=fields(client, **typed), content_type="multipart/form-data")


def test_words_paper_and_logo_are_stored_and_told_in_the_log(efua, look):
    answer = post(
        efua, slip_header="Light for all", slip_paper="58mm", slip_message_gas="Smell gas? Call 112.", mask_id_number="y",
        logo=(io.BytesIO(picture("JPEG")), "logo.jpg"),
    )  # fmt: skip
    assert answer.status_code == 303
    digest = look(select(Settings.slip_logo))
    assert (look(select(Settings.slip_header)), look(select(Settings.slip_paper))) == ("Light for all", "58mm")
    assert look(select(SlipLogo.digest)) == digest
    page = efua.get("/slips/show/1?paper=a4").get_data(as_text=True)
    assert "Light for all" in page and 'class="sheet"' in page and "data:image/png;base64," in page
    entry = look(select(AuditEntry.after).where(AuditEntry.table_name == "settings").order_by(AuditEntry.id.desc()).limit(1))
    assert digest in entry and "Light for all" in entry
    assert post(efua, remove_logo="y").status_code == 303
    assert look(select(Settings.slip_logo)) is None
    assert look(select(SlipLogo.digest)) == digest, "slips of before keep it"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("logo.svg", SVG, "no PNG or JPEG"), ("logo.png", SVG, "no PNG or JPEG"), ("logo.png", picture()[:60], "damaged"),
     ("logo.png", picture(size=(300, 8)), "less than 16 pixels")],
    ids=["svg", "svg-called-png", "cut", "flat"],
)  # fmt: skip
def test_a_picture_that_cannot_be_taken_is_refused_at_its_field(efua, look, name, content, said):
    before = look(select(Settings.version))
    answer = post(efua, slip_header="Typed and kept", logo=(io.BytesIO(content), name))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page and "Typed and kept" in page
    assert look(select(Settings.version)) == before
    assert look(select(SlipLogo.digest)) is None


@pytest.mark.parametrize(
    ("field", "typed"), [("default_language", "xx"), ("slip_paper", "papyrus"), ("slip_message", "x" * 201), ("slip_copy_text", "x" * 101)]
)
def test_a_setting_out_of_range_is_refused(efua, look, field, typed):
    before = look(select(Settings.version))
    assert post(efua, **{field: typed}).status_code == 422
    assert look(select(Settings.version)) == before


@pytest.mark.parametrize("paper", ["58mm", "80mm", "a4"])
def test_the_sample_follows_the_form_and_stores_nothing(efua, look, paper):
    typed = {"slip_header": "<b>Light</b> & more", "default_language": "fr", "shown": paper, "slip_copy_text": "Sans valeur"}
    answer = post(efua, "/slips/preview", **typed, logo=(io.BytesIO(picture()), "logo.png"))
    said = answer.get_json()
    assert "&lt;b&gt;Light&lt;/b&gt; &amp; more" in said["slip"]
    assert "Code de recharge" in said["slip"] and "Sans valeur" in said["slip"]
    assert "data:image/png;base64," in said["slip"] and said["refused"] == []
    assert said["size"] == "A4" if paper == "a4" else said["size"].endswith(" mm long")  # to an English reader
    assert look(select(Settings.slip_header)) is None and look(select(SlipLogo.digest)) is None
    refused = post(efua, "/slips/preview", shown=paper, logo=(io.BytesIO(SVG), "logo.svg")).get_json()
    assert "no PNG or JPEG" in refused["refused"][0]


def test_two_people_at_the_slips_lose_nothing(efua, look):
    old = fields(efua)
    assert post(efua, slip_header="Theirs").status_code == 303
    answer = efua.post(EDIT, data={**old, "slip_header": "Mine", "slip_footer": "Also mine"}, content_type="multipart/form-data")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Theirs" in page and "Mine" in page and "Also mine" in page
    assert look(select(Settings.slip_header)) == "Theirs"


def test_who_only_reads_sees_the_sample_and_no_form(signed_in):
    dalia = signed_in("dalia")
    assert "Credit token" in dalia.get("/slips/show/1").get_data(as_text=True)
    assert dalia.get(EDIT).status_code in (302, 303, 403)
