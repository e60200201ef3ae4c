"""`make screens`: every page of the program in every language and at two widths, as pictures on contact sheets.

The program runs inside this process with a small demonstration of its own, to which names of two hundred characters
are added.  What lies in build/screens afterwards: the pictures, a sheet for each language and width, and report.txt,
which names the pages that scroll sideways, cut a text off, hide columns of a list or lay one control over another.
`--guide` makes the pictures of docs/guide and docs/design.md anew instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.chromium import find_chromium
from tools.page_kinds import Answer, page_kinds
from tools.screens_sheet import sheet

if TYPE_CHECKING:
    from flask import Flask

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "screens"
WIDTHS = (1366, 390)
HEIGHT = 768
TALL = 2400  # pixels; what lies lower repeats what lies above
PERSON = "efua"
LONG_NAME = "Wassermengenzählerablesungsstelle" * 6 + "xy"  # two hundred characters without a space
STARTS = ("/", "/counter/", "/login/", "/nowhere")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
MEASURE = (ROOT / "tools" / "screens_measure.js").read_text("utf-8")

# name of the picture: (address, width); a {meter} is one that has bought.
GUIDE = {
    "home": ("/", 1366), "counter": ("/counter/meter/{meter}?value=20", 1366), "receipt": ("/receipts/{sale}", 1366),
    "engineering": ("/engineering/meter/{meter}", 1366), "consumers": ("/consumers/list/", 1366),
    "tariff": ("/tariffs/list/", 1366), "report": ("/reports/sales-statistics", 1366), "regions": ("/regions/", 1366),
    "account": ("/account/", 1366), "groups": ("/groups/edit/3", 1366),
    "form": ("/users/add", 1366), "trouble": ("/nowhere", 1366), "paper": ("/receipts/{sale}/paper", 1366),
    "phone": ("/counter/meter/{meter}?value=20", 390),
}  # fmt: skip
# Sent as it opens, so that the picture shows what is wrong with it.
SENT_EMPTY = "form"


def program() -> Flask:
    """The program in a fresh folder, with the small demonstration and the long names in it."""
    instance = FOLDER / "instance"
    shutil.rmtree(instance, ignore_errors=True)
    instance.mkdir(parents=True)
    os.environ.update(INSTANCE_DIR=str(instance), MODULE_PORT="0", DEMO="yes")
    from app import create_app
    from app.demo import load_alone
    from app.setup import prepare_instance, run_setup

    app = create_app({"RATELIMIT_ENABLED": False})
    with app.app_context():
        prepare_instance(app.config)
        run_setup(app)
    app = create_app({"RATELIMIT_ENABLED": False})
    with app.app_context():
        load_alone(app.config, app.extensions["modules"], size="small")
    return app


def lengthen(app: Flask) -> None:
    """Give one thing of each kind a name of two hundred characters, as far as its column is that wide."""
    from sqlalchemy import select

    from app.db import transaction
    from app.models import Consumer, Product, Region, Tariff, UserGroup, VendingPoint

    with app.app_context(), transaction() as session:
        for model in (Consumer, Product, Region, Tariff, UserGroup, VendingPoint):
            rows = session.scalars(select(model).order_by(model.id), execution_options={"unscoped": True}).all()
            rows[-1].name = LONG_NAME[: model.__table__.c.name.type.length or 200]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The program on loopback; its address."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_arguments: Any) -> None:
            """Thousands of lines that nobody reads."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def opened(browser: Any, site: str, width: int) -> Any:
    """A window of this width, still; the script that measures may run in it."""
    size = {"width": width, "height": HEIGHT}
    return browser.new_context(base_url=site, viewport=size, reduced_motion="reduce", bypass_csp=True)


def sign_in(page: Any) -> None:
    """Through the door, as a person."""
    from app.demo_data import PASSWORD

    page.goto("/login/")
    page.fill("#username", PERSON)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".frame")


def wear(app: Flask, language: str, theme: str = "light") -> None:
    """The language and colours of the person whose pages are looked at."""
    from sqlalchemy import update

    from app.db import transaction
    from app.models import AppUser

    with app.app_context(), transaction() as session:
        session.execute(update(AppUser).where(AppUser.username == PERSON).values(language=language, theme=theme))


def asker(page: Any) -> Any:
    """Asks for an address without drawing it."""

    def ask(address: str) -> Answer:
        answer = page.request.get(address)
        kind = answer.headers.get("content-type", "").split(";")[0]
        path = "/" + answer.url.split("/", 3)[3]
        return Answer(kind, answer.text() if kind == "text/html" else "", path, answer.ok)

    return ask


def rows_of(app: Flask) -> dict[str, dict[str, object]]:
    """What stands in the addresses that no link leads to."""
    meter = found(app)["meter"]
    names = [rule for rule in app.url_map.iter_rules() if "meter_number" in rule.arguments]
    rows: dict[str, dict[str, object]] = {rule.endpoint: dict.fromkeys(rule.arguments, meter) for rule in names}
    return rows | {"RegionView.merge": {"region_id": 1}}


def found(app: Flask) -> dict[str, object]:
    """The meter that bought last, and its sale."""
    from sqlalchemy import select

    from app.extensions import db
    from app.models import Meter, Sale

    with app.app_context():
        sale, number = db.session.execute(
            select(Sale.id, Meter.meter_number).join(Meter, Meter.id == Sale.meter_id).order_by(Sale.id.desc()),
            execution_options={"unscoped": True},
        ).first()
        return {"sale": sale, "meter": number}


def shoot(page: Any, path: Path) -> list[str]:
    """Take the picture of the page that is open; what is wrong with its boxes."""
    faults: list[str] = page.evaluate(MEASURE)
    size = page.viewport_size
    # The window is made as tall as the page: what sticks to its foot lies at the foot, not over the middle.
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALL)
    page.set_viewport_size({"width": size["width"], "height": max(height, HEIGHT)})
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=str(path), type="jpeg", quality=60)
    page.set_viewport_size(size)
    return faults


def contact_sheets(app: Flask, browser: Any, site: str, languages: list[str], widths: list[int]) -> int:
    """Every page in these languages and widths; how many have a fault."""
    lengthen(app)
    report, kinds = [], {}
    for language in languages:
        for width in widths:
            wear(app, language)
            context = opened(browser, site, width)
            page = context.new_page()
            sign_in(page)
            kinds = kinds or page_kinds(app, asker(page), STARTS, rows_of(app))
            folder = FOLDER / f"{language}-{width}"
            shutil.rmtree(folder, ignore_errors=True)  # a page that is gone leaves no picture
            folder.mkdir(parents=True)
            for name, address in kinds.items():
                page.goto(address)
                faults = shoot(page, folder / f"{name}.jpg")
                report += [f"{language} {width} {name} {address}: {fault}" for fault in faults]
            context.close()
            sheet(browser, folder, FOLDER / f"sheet-{language}-{width}.jpg")
            print(f"{language} at {width}: {len(kinds)} pages")
    (FOLDER / "report.txt").write_text("".join(f"{line}\n" for line in report), "utf-8")
    print(f"{len(report)} faults, in {FOLDER.relative_to(ROOT)}/report.txt")
    return len(report)


def guide(app: Flask, browser: Any, site: str) -> None:
    """The pictures of the user guide and of the design page, anew."""
    target = ROOT / "docs" / "guide" / "pictures"
    target.mkdir(parents=True, exist_ok=True)
    things = found(app)
    for theme, shown in (("light", GUIDE), ("dark", {"dark": GUIDE["counter"]})):
        wear(app, "en", theme)
        for name, (address, width) in shown.items():
            context = opened(browser, site, width)
            page = context.new_page()
            sign_in(page)
            page.goto(address.format(**things))
            if name == SENT_EMPTY:
                page.click("main form .btn-primary:visible")
                page.wait_for_selector(".error")
            page.screenshot(path=str(target / f"{name}.jpg"), type="jpeg", quality=70)
            context.close()
    print(f"{len(GUIDE) + 1} pictures, in {target.relative_to(ROOT)}")


def main() -> int:
    """Parse, look, say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--languages", default="", help="codes with commas; all of them if left out")
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--guide", action="store_true", help="only the pictures of docs/guide")
    given = parser.parse_args()
    path = find_chromium()
    if path is None:
        print("No Chromium here (apt install chromium): no pictures.")
        return 1
    from playwright.sync_api import sync_playwright

    app = program()
    with served(app) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        if given.guide:
            guide(app, browser, site)
        else:
            languages = given.languages.split(",") if given.languages else list(app.config["LANGUAGES"])
            contact_sheets(app, browser, site, languages, [int(width) for width in given.widths.split(",")])
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
