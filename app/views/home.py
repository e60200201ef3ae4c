"""The home page: where everybody lands after signing in."""

from __future__ import annotations

from flask_appbuilder import IndexView, expose

from app.access.fab import SafeBaseView


class HomeView(SafeBaseView, IndexView):
    """The first page; needs a sign-in and nothing else."""

    open_methods = frozenset({"index"})

    @expose("/")
    def index(self):
        """What is to be done today."""
        return self.render_template("appbuilder/index.html")
