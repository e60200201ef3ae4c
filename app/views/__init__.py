"""The pages: each parses, calls one service, and answers.  `register` puts them together."""

from __future__ import annotations

from typing import Any

from flask import current_app


def register(appbuilder: Any) -> None:
    """Give the application every page of the menu's list, and the pages their words."""
    from app.views import figures, installation
    from app.views.menu import CATEGORIES, LINES
    from app.views.messages import sentence

    current_app.extensions["sentence"] = sentence
    figures.install(current_app)
    installation.install(current_app)
    for category in CATEGORIES:
        appbuilder.menu.add_category(category.name, icon=category.icon, label=category.label)
    for line in LINES:
        view = line.view()
        if line.category is None:
            appbuilder.add_view_no_menu(view)
        else:
            appbuilder.add_view(
                view, line.name, icon=line.icon, label=line.label, category=line.category, menu_cond=line.offered
            )
