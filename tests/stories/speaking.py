"""The running program for a story, in which each person has chosen a language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.extensions import db
from app.models import AppUser
from tests.fixtures.ports import free_ports
from tests.stories import crash_trial
from tests.stories.crash_trial import Site


@contextmanager
def speaking_site(instance: Path, languages: Mapping[str, str]) -> Iterator[Site]:
    """The program with its processes, until the story ends; `languages` by user name."""
    site = Site(instance, free_ports(2))
    site.prepare()
    with crash_trial._app(site).app_context():
        for name, language in languages.items():
            db.session.query(AppUser).filter_by(username=name).one().language = language
        db.session.commit()
        db.session.remove()
    site.start()
    yield site
    site.stop()
