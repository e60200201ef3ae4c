"""Security modules (manual S7): the list, a module's own page, adding and changing one.

Adding is the manual's sequence: address and port, connect test, then name and algorithms, and
the key file.  What was typed stays, whatever a test says; only passwords are typed again.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.datastructures import CombinedMultiDict, MultiDict

from app.access.fab import SafeBaseView
from app.access.versions import KEEP, TAKE
from app.domain.errors import OutOfScope, Refusal, StaleRow, ValueTaken
from app.domain.states import Algorithm
from app.extensions import db
from app.models import SecurityModule
from app.models.base import now
from app.services import backup_modules, health, module_facts, module_keys, modules
from app.views import choices, figures
from app.views.messages import sentence
from app.views.module_form import TRUST, ModuleForm, PlaceForm
from app.views.module_saving import Unsaved, load_first_keys
from app.views.module_trial import Answer, passed, test_now, try_place
from app.views.module_words import KEY_ENDS, alerts_shown, steps_shown, why

ID_MAX = 2**31 - 1
KINDS = {"software": _l("In this program"), "prism": _l("On the network")}
# What depends on a module; each a word for one and a word for many.
USES = {
    "meters": lambda n: ngettext("%(num)d meter", "%(num)d meters", n),
    "sales": lambda n: ngettext("%(num)d sale", "%(num)d sales", n),
    "tokens": lambda n: ngettext("%(num)d token", "%(num)d tokens", n),
    "records": lambda n: ngettext("%(num)d engineering record", "%(num)d engineering records", n),
}


def row_of(module_id: int) -> SecurityModule:
    """The module, or 404."""
    if module_id > ID_MAX:
        abort(404)
    try:
        return modules.module(module_id)
    except OutOfScope:
        abort(404)


def algorithms(row: SecurityModule) -> str:
    """What a module serves, or is prepared to serve, in words."""
    return figures.listed(word for kind, word in choices.ALGORITHM.items() if row.serves(kind))


class SecurityModuleView(SafeBaseView):
    """Security modules."""

    route_base = "/modules"
    default_view = "list"
    title = list_title = _l("Security modules")

    @expose("/")
    @has_access
    @permission_name("read")
    def list(self) -> Any:
        """Every module, and which algorithm has none."""
        self.update_redirect()
        served = modules.serving(db.session())
        return self.render_template(
            "modules/list.html",
            title=self.title,
            rows=module_facts.overview(),
            missing=[choices.ALGORITHM[a] for a in Algorithm if a not in served],
            algorithms=algorithms,
            kinds=KINDS,
            may=self._may(),
        )

    @expose("/<int:module_id>")
    @has_access
    @permission_name("read")
    def show(self, module_id: int) -> Any:
        """One module: how it answers, its keys, what depends on it."""
        return self._show(row_of(module_id))

    @expose("/<int:module_id>/test", methods=["POST"])
    @has_access
    @permission_name("edit")
    def test(self, module_id: int) -> Any:
        """Ask the module now, and keep how it answered."""
        return self._show(row_of(module_id), test_now(row_of(module_id), module_facts.today()))

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name("add")
    def add(self) -> Any:
        """Address and port, connect test, then name, algorithms and key file."""
        if request.method == "GET":
            return self._form(ModuleForm(formdata=None))
        if request.form.get("act") != "save":
            return self._try(None)
        form = ModuleForm()
        if not form.validate():
            return self._form(form), 422
        trial = try_place(form.place())
        if not passed(trial):
            return self._form(form, trial=trial), 422
        try:
            modules.require_free(form.draft())
            keys = load_first_keys(form, trial)
            module_id = modules.register(form.draft(), keys or ())
        except Unsaved as fault:
            form.key_file.errors = [*form.key_file.errors, str(fault)]
            return self._form(form, trial=trial), 422
        except Refusal as refusal:
            _explain(form, refusal)
            return self._form(form, trial=trial), 422
        health.note(module_id, health.heard_in(trial))
        flash(_("%(name)s is added.", name=form.name.data), "success")
        if keys is None:
            flash(_("It does not tell its keys: it is hardware. Type them in from the key letter."), "info")
            return redirect(url_for("ModuleKeyView.type_in", module_id=module_id), 303)
        return redirect(url_for("SecurityModuleView.show", module_id=module_id), 303)

    @expose("/<int:module_id>/change", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def change(self, module_id: int) -> Any:
        """Change name, place, sign-in, algorithms."""
        row = row_of(module_id)
        if request.method == "GET":
            return self._form(ModuleForm.of(row), row)
        if TAKE in request.form or KEEP in request.form:
            return self._compare(ModuleForm.on(row), row)
        if request.form.get("act") != "save":
            return self._try(row)
        form = ModuleForm.on(row)
        if form.version != row.version:
            return self._compare(form, row), 422
        trial = None
        if not form.validate():
            return self._form(form, row), 422
        if form.moved() and not form.untested.data:
            trial = try_place(form.place())
            if not passed(trial):
                return self._form(form, row_of(module_id), trial), 422
        try:
            modules.change(module_id, form.draft(), form.version)
        except OutOfScope:
            abort(404)
        except StaleRow:
            return self._compare(form, row_of(module_id)), 422
        except Refusal as refusal:
            _explain(form, refusal)
            return self._form(form, row_of(module_id), trial), 422
        if trial is not None:
            health.note(module_id, health.heard_in(trial))
        flash(_("%(name)s is changed.", name=form.name.data), "success")
        return redirect(url_for("SecurityModuleView.show", module_id=module_id), 303)

    @expose("/<int:module_id>/activate", methods=["POST"])
    @has_access
    @permission_name("edit")
    def activate(self, module_id: int) -> Any:
        """Switch the algorithms of this module over to it."""
        row = row_of(module_id)
        name, words = row.name, algorithms(row)
        named = [int(key) for key in request.form.getlist("from") if key.isascii() and key.isdigit() and len(key) < 10]
        try:
            modules.make_active(module_id, named)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
            return self._show(row_of(module_id)), 409
        flash(_("%(name)s now serves %(algorithms)s meters.", name=name, algorithms=words), "success")
        return redirect(url_for("SecurityModuleView.show", module_id=module_id), 303)

    @expose("/<int:module_id>/stand-down", methods=["POST"])
    @has_access
    @permission_name("edit")
    def stand_down(self, module_id: int) -> Any:
        """Ask nothing new of this module."""
        name = row_of(module_id).name
        modules.stand_down(module_id)
        flash(_("%(name)s is the stand-by now. Sales that wait for it are still resolved by it.", name=name), "success")
        return redirect(url_for("SecurityModuleView.show", module_id=module_id), 303)

    @expose("/<int:module_id>/delete", methods=["POST"])
    @has_access
    @permission_name("delete")
    def delete(self, module_id: int) -> Any:
        """Take a module away that nothing depends on."""
        name = row_of(module_id).name
        try:
            modules.delete(module_id)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
            return self._show(row_of(module_id)), 409
        flash(_("%(name)s is deleted.", name=name), "success")
        return redirect(url_for("SecurityModuleView.list"), 303)

    # --- the pages ------------------------------------------------------------------------

    def _may(self) -> dict[str, bool]:
        sm = self.appbuilder.sm
        return {word: sm.has_access(f"can_{word}", "SecurityModuleView") for word in ("add", "edit", "delete")}

    def _show(self, row: SecurityModule, answer: Answer | None = None) -> Any:
        self.update_redirect()
        row = row_of(row.id)
        (facts,) = module_facts.shown([row])
        keys = [(key, module_keys.end_of(key)) for key in module_keys.keys_of(row.id)]
        used = modules.uses(db.session(), row)
        holders = modules.serving(db.session())
        return self.render_template(
            "modules/show.html",
            title=row.name,
            row=row,
            facts=facts,
            keys=keys,
            now=now(),
            key_ends=KEY_ENDS,
            answer=answer,
            steps=[s for s in steps_shown(answer.trial, row.trust) if row.kind == "prism" or s.state != "wait"] if answer else [],
            why=why(facts.health.failure) if facts.health else "",
            alerts=alerts_shown(facts.alerts),
            algorithms=algorithms(row),
            takes=[(choices.ALGORITHM[a], h) for a, h in holders.items() if row.serves(a) and h.id != row.id],
            uncovered=module_keys.uncovered(row),
            used=[USES[word](count) for word, count in used.items()],
            elsewhere=backup_modules.is_elsewhere(row, current_app.config["INSTANCE_DIR"]),
            kinds=KINDS,
            trust=TRUST,
            base_year=choices.BASE_YEAR,
            algorithm_words=choices.ALGORITHM,
            may=self._may(),
        )

    def _try(self, row: SecurityModule | None) -> Any:
        """The connect test: nothing is stored, and what was typed stays."""
        typed = MultiDict(request.form)
        if typed.get("act") == "pin":  # "this is its certificate": what was presented is what is trusted
            typed.setlist("fingerprint", [typed.get("presented", "")])
            typed.setlist("trust", ["pinned"])
        whole = CombinedMultiDict([request.files, typed])
        form = ModuleForm.on(row, formdata=whole)
        part = PlaceForm(formdata=whole)
        part.kept = row
        if not part.validate():
            for field in part:
                if field.errors and field.name in form:
                    form[field.name].errors = field.errors
            return self._form(form, row), 422
        return self._form(form, row, try_place(part.place()))

    def _compare(self, form: ModuleForm, row: SecurityModule) -> Any:
        """Both versions: what was typed, and what somebody else has stored meanwhile."""
        form.show_both(row, request.form)
        return self._form(form, row)

    def _form(self, form: ModuleForm, row: SecurityModule | None = None, trial: Any = None) -> Any:
        good = trial is not None and passed(trial)
        if row is None and good and "name" not in request.form:
            form.begin(modules.serving(db.session()))
        if request.headers.get("X-Requested-With") != "fetch":  # the script of the page keeps what was typed
            form.ask_again()
        self.update_redirect()
        holders = modules.serving(db.session())
        return self.render_template(
            "modules/form.html",
            title=_("Change %(name)s", name=row.name) if row else _("Add a security module"),
            form=form,
            row=row,
            trial=trial,
            alerts=alerts_shown(trial.alerts) if trial is not None else [],
            good=good,
            steps=steps_shown(trial, form.trust.data) if trial is not None else [],
            second=row is not None or good or "name" in request.form,
            holders=[(choices.ALGORITHM[a], h) for a, h in holders.items() if row is None or h.id != row.id],
        )


def _explain(form: ModuleForm, refusal: Refusal) -> None:
    """The sentence at its field, or above the form where it has none."""
    words = _("Another module has this name.") if isinstance(refusal, ValueTaken) else sentence(refusal)
    name = "name" if isinstance(refusal, ValueTaken) else refusal.field
    if name and name in form:
        form[name].errors = [*form[name].errors, words]
    else:
        flash(words, "danger")


