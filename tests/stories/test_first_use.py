"""A new utility: from an empty database to the first twenty digits, through the pages alone.

The one thing done in a shell is the key file, because keys never pass through a page unencrypted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import Meter, Sale, SecurityModule, Settings
from app.setup import run_setup
from app.sts.meter_number import check_digit, pan_from_drn
from app.sts.module import MeterConfig
from app.sts.prism import service
from tests.fixtures.application import build
from tests.fixtures.ports import free_port

PHRASE = "seven brown goats on the bridge"
OWN_PASSWORD = "Kisumu-lake-2027!"
DRN = "0112345678" + check_digit("0112345678")


class Empty:
    """An installation that was just set up: nothing in it but one administrator."""

    def __init__(self, app: Flask, folder: Path) -> None:
        [told] = [line for line in run_setup(app) if line.startswith("first administrator")]
        self.password = re.search(r"password (\S+)", told).group(1)
        self.key_file = folder / "first.keys"
        phrase = folder / "phrase"
        phrase.touch(mode=0o600)
        phrase.write_text(PHRASE)
        made = app.test_cli_runner().invoke(
            args=["module", "keyfile", "create", str(self.key_file), "--demonstration", "--passphrase-file", str(phrase)]
        )
        assert made.exit_code == 0, made.output


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The program with DEMO=no on a database that does not exist yet; its module in a process' stead."""
    port = free_port()
    app = build(f"sqlite:///{tmp_path}/new.db", tmp_path / "instance", DEMO=False, MODULE_PORT=port)
    stop, there = threading.Event(), threading.Event()
    app.empty = Empty(app, tmp_path)
    serve = threading.Thread(
        target=service.serve,
        args=(app.config["MODULE_DIR"], "127.0.0.1", port, stop),
        kwargs={"listening": lambda _port: there.set()},
        daemon=True,
    )
    serve.start()
    assert there.wait(10), "the module did not begin to listen"
    yield app
    app.extensions["modules"].close()
    stop.set()
    serve.join(10)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def step(page: Any, number: int, words: str) -> None:
    """To this step: straight on from the one before when that is done, else by way of the checklist."""
    onward = page.locator(f".walk >> text=Next: {words}")
    if onward.count():
        onward.click()
    else:
        if page.locator(".walk").count():
            page.click(".walk >> text=Back to the checklist")
        page.click(f"ol.setup > li:nth-child({number}) a")
    page.wait_for_selector(f".walk b:has-text('{words}')")


def pick(page: Any, field: str, typed: str) -> None:
    """Type into a picker and take the first that is found."""
    page.locator(f"#{field}").press_sequentially(typed)
    page.locator("[role=option]").first.click()


def save(page: Any) -> None:
    """Press the form's one primary button and see that it was taken."""
    page.click("main form .btn-primary")
    page.wait_for_selector(".toast")
    assert not page.locator(".note.bad").count(), page.inner_text("main")


def sign_in(page: Any, password: str) -> None:
    """The first administrator, who gets no further without a password of their own (L2)."""
    page.goto("/login/")
    page.fill("#username", "admin")
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/password")
    page.fill("#old", password)
    page.fill("#new", OWN_PASSWORD)
    page.fill("#again", OWN_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Set up before the first sale")


def registry(page: Any) -> None:
    """Steps 1 to 3: a place, what meters are made of, where tokens are sold."""
    step(page, 1, "Region")
    for level, name in (("Country", "Kenya"), ("Province or state", "Kisumu"), ("City or town", "Kondele")):
        page.get_by_label(f"{level} name").fill(name)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".level a:has-text('{name}')")
    step(page, 2, "Product")  # the manufacturer comes first
    page.fill("#name", "Hexing")
    page.fill("#code", "01")
    save(page)
    step(page, 2, "Product")
    page.fill("#model", "HXE110")
    page.fill("#name", "Single phase")
    page.select_option("#meter_type", "electricity")
    page.select_option("#manufacturer", index=1)
    save(page)
    step(page, 3, "Vending point")
    page.fill("#name", "Main office")
    page.fill("#code", "MAIN")
    pick(page, "region", "kond")
    save(page)


def prices_and_keys(page: Any, key_file: Path) -> None:
    """Steps 4 to 6: a tariff with its plan, the module's keys, currency and zone."""
    step(page, 4, "Tariff")
    page.fill("#name", "Domestic")
    page.select_option("#meter_type", "electricity")
    page.click("main form .btn-primary")
    plan(page)
    step(page, 5, "Security module")
    page.set_input_files("#key_file", str(key_file))
    page.fill("#key_passphrase", PHRASE)
    save(page)
    step(page, 6, "Set-up")
    page.fill("#utility_name", "Lake Power")
    page.select_option("#currency", label="EUR")
    assert "EUR 204.12" in page.inner_text("#settled").replace("\u00a0", " ")
    page.select_option("#settlement", "down")
    assert "EUR 204.11" in page.inner_text("#settled").replace("\u00a0", " ")
    page.fill("#time_zone", "nairobi")
    save(page)


def plan(page: Any) -> None:
    """The first plan of the tariff that was just named: one open step at 0.20."""
    page.fill("#steps-0-price", "0.20")
    save(page)


def people_and_meters(page: Any) -> None:
    """Steps 7 and 8: who buys, and through which meter."""
    step(page, 7, "Consumer")
    page.fill("#name", "Achieng Otieno")
    page.fill("#user_number", "1001")
    pick(page, "region", "kond")
    save(page)
    step(page, 8, "Meter")
    page.fill("#meter_number", DRN)
    page.select_option("#product", index=1)
    pick(page, "consumer", "achi")
    page.locator("input[name=key]").first.check()
    page.select_option("#tariff", index=1)
    save(page)


def test_a_new_utility_makes_its_first_sale_by_the_checklist_alone(page: Any, app: Flask) -> None:
    page.set_default_timeout(20_000)
    sign_in(page, app.empty.password)
    registry(page)
    prices_and_keys(page, app.empty.key_file)
    people_and_meters(page)
    page.click(".walk >> text=Back to the checklist")
    assert "8 of 8 done" in page.inner_text("main")
    page.click("text=Make the first sale")
    page.fill("#q", DRN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#value")
    page.fill("#value", "20")
    page.wait_for_selector('#sum[data-ready="yes"]')
    page.keyboard.press("F9")
    page.wait_for_url("**/receipts/*")
    digits = "".join(page.locator(".token-line .token > span").all_inner_texts())
    assert read_by_the_meter(app, digits) == 1000  # 20.00 at 0.20: 100.0 kWh
    page.goto("/")
    assert not page.locator("ol.setup").count()
    with app.app_context():
        row = db.session.get_one(Settings, 1)
        assert (row.utility_name, row.currency.code, row.settlement, row.time_zone) == (
            "Lake Power", "EUR", "down", "Africa/Nairobi",
        )  # fmt: skip


def read_by_the_meter(app: Flask, digits: str) -> int:
    """Tenths of a unit that the meter itself reads in the token."""
    assert re.fullmatch("[0-9]{20}", digits)
    with app.app_context():
        meter = db.session.query(Meter).one()
        config = MeterConfig(
            pan_from_drn(meter.meter_number), meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, meter.ken
        )
        module = app.extensions["modules"].by_id(db.session.query(SecurityModule.id).scalar())
        read = module.verify(config, digits)
        assert read.accepted
        assert db.session.query(Sale).one().token_units == read.amount
        return int(read.amount)
