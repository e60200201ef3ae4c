"""What the pages of a paper share, be it a receipt's or an engineering act's: which one is asked for, offered, remembered."""

from __future__ import annotations

from typing import Any

from flask import request

from app.access.current import current_scope
from app.domain.states import Paper
from app.extensions import db
from app.services.papers import paper_for, paper_of, remember_paper
from app.views import choices
from app.views.settings import LANGUAGES


def asked_paper() -> Paper:
    """The paper that the request names, else the reader's own."""
    return paper_of(request.values.get("paper")) or paper_for(db.session(), current_scope().user_id)


def remember_printed() -> None:
    """Keep on which paper the reader has printed."""
    user_id = current_scope().user_id
    if user_id is not None and (paper := paper_of(request.form.get("paper"))):
        remember_paper(user_id, paper)


def offered(paper: Paper, language: str) -> dict[str, Any]:
    """What the switches of paper and language say, for the template."""
    return {
        "paper": paper.value,
        "papers": [each.value for each in Paper],
        "paper_names": choices.PAPER,
        "language": language,
        "asked_language": language if request.values.get("lang") else "",
        "language_names": dict(LANGUAGES.items()),
    }
