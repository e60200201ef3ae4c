"""The keys of a security module: a further key file, refreshed from the module, typed in for hardware.

And the list of all supply-group keys, as far as they may be known.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.access.fab import SafeBaseView, SafeModelView
from app.domain.errors import OutOfScope, PublicKey, Refusal, ValueTaken
from app.models import SecurityModule, SupplyGroupKey
from app.services import module_keys
from app.sts.errors import StsError
from app.sts.module import ModuleError
from app.views import choices
from app.views.lists import Listed, Rows, begins
from app.views.messages import sentence
from app.views.module_form import KeyFileForm, KeyForm
from app.views.module_saving import Unsaved, content_of, load, require_own
from app.views.module_trial import place_of, told_keys
from app.views.module_words import why
from app.views.modules import row_of

NOTED = _l("This key is noted already. Compare revision and key type, or press “Correct the noted key”.")


class ModuleKeyView(SafeBaseView):
    """Keys of one module; the rights are those of the modules."""

    route_base = "/module-keys"
    default_view = "file"
    class_permission_name = "SecurityModuleView"
    title = list_title = _l("Keys")

    @expose("/<int:module_id>/file", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def file(self, module_id: int) -> Any:
        """Hand a key file to a module of ours; it takes all of it or nothing."""
        row = self._outside(module_id)
        form = KeyFileForm()
        if request.method == "POST" and form.validate():
            try:
                keys = load(place_of(row), content_of(form.key_file), form.key_passphrase.data or "")
                require_own(keys)
                count = module_keys.refresh(module_id, keys)
            except PublicKey as refusal:
                form.key_file.errors = [*form.key_file.errors, sentence(refusal)]
            except (Unsaved, ModuleError) as fault:
                said = str(fault) if isinstance(fault, Unsaved) else why(fault.code)
                form.key_file.errors = [*form.key_file.errors, said]
            else:
                flash(ngettext("The module holds %(num)d key now.", "The module holds %(num)d keys now.", count), "success")
                return self._back(module_id)
        page = self.render_template("modules/key_file.html", title=_("Load a key file"), form=form, row=row_of(module_id))
        return page, 422 if request.method == "POST" else 200

    @expose("/<int:module_id>/refresh", methods=["POST"])
    @has_access
    @permission_name("edit")
    def refresh(self, module_id: int) -> Any:
        """Ask the module which keys it holds."""
        row = row_of(module_id)
        try:
            told = told_keys(row)
            require_own(told or ())
        except PublicKey as refusal:
            flash(sentence(refusal), "danger")
            return self._back(module_id)
        except (ModuleError, StsError, OSError, Refusal) as error:
            code = getattr(error, "code", "")
            flash(_("The module did not tell its keys. %(why)s Nothing was changed.", why=why(code)), "danger")
            return self._back(module_id)
        if told is None:
            flash(str(_("This module does not tell its keys: it is hardware. Type them in.")), "warning")
        else:
            count = module_keys.refresh(module_id, told)
            flash(ngettext("The module holds %(num)d key.", "The module holds %(num)d keys.", count), "success")
        return self._back(module_id)

    @expose("/<int:module_id>/add", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def type_in(self, module_id: int) -> Any:
        """Note a key of a hardware module from its key letter."""
        row = self._outside(module_id)
        form = KeyForm()
        if request.method == "POST" and form.validate():
            facts = form.facts()
            if self._tells(row):
                form.sgc.errors = [_("This module tells its keys itself. Nothing was stored. Press “Refresh keys”.")]
            elif self._noted(module_id, form, facts):
                flash(_("Key %(sgc)s, revision %(krn)d is noted.", sgc=facts.sgc, krn=facts.krn), "success")
                if request.form.get("more"):
                    return redirect(url_for("ModuleKeyView.type_in", module_id=module_id), 303)
                return self._back(module_id)
        page = self.render_template(
            "modules/key.html", title=_("Type a key in"), form=form, row=row_of(module_id), noted=NOTED in form.sgc.errors
        )
        return page, 422 if request.method == "POST" else 200

    @expose("/<int:module_id>/forget/<int:key_id>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def forget(self, module_id: int, key_id: int) -> Any:
        """Take back a key that was typed in."""
        row_of(module_id)
        try:
            module_keys.forget(module_id, min(key_id, 2**31 - 1))
        except OutOfScope:
            abort(404)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        else:
            flash(_("The key is forgotten."), "success")
        return self._back(module_id)

    # --- inside ---------------------------------------------------------------------------

    def _outside(self, module_id: int) -> SecurityModule:
        row = row_of(module_id)
        if row.kind == "software":  # its keys come by the shell; no page leads here
            abort(404)
        return row

    @staticmethod
    def _back(module_id: int) -> Any:
        return redirect(url_for("SecurityModuleView.show", module_id=module_id), 303)

    @staticmethod
    def _tells(row: SecurityModule) -> bool:
        """Whether the module lists its keys; one that cannot be asked now gets the benefit of the doubt."""
        try:
            return told_keys(row) is not None
        except (ModuleError, StsError):
            current_app.logger.info("module %s could not be asked whether it tells its keys", row.id)
            return False

    @staticmethod
    def _noted(module_id: int, form: KeyForm, facts: Any) -> bool:
        try:
            require_own([facts])
            module_keys.type_in(module_id, facts, correct=bool(request.form.get("correct")))
        except PublicKey as refusal:
            form.kcv.errors = [sentence(refusal)]
            return False
        except ValueTaken:
            form.sgc.errors = [NOTED]
            return False
        return True


class SupplyGroupKeyView(Listed, SafeModelView):
    """Supply-group keys: everything but the key itself."""

    datamodel = Rows(
        SupplyGroupKey,
        eager=["module"],
        computed={
            "algorithm": lambda key: choices.ALGORITHM[key.algorithm],
            "base_date": lambda key: choices.BASE_YEAR.get(key.base_date, str(key.base_date)),
            "krn": lambda key: str(key.krn),
            "ken": lambda key: str(key.ken),
            "key_type": lambda key: str(key.key_type),
            "demonstration": lambda key: _("Public demonstration key") if key.demonstration else _("Own key"),
            "last_token": lambda key: module_keys.end_of(key).at,
        },
    )
    route_base = "/keys"
    include_route_methods = {"list", "show"}
    list_title = title = _l("Supply group keys")
    show_title = _l("Supply group key")
    add_title = edit_title = _l("Supply group key")
    empty_text = _l("No vending key is known yet. A security module brings its keys.")
    label_columns = {
        "sgc": _l("Supply group code (SGC)"), "krn": _l("Key revision (KRN)"), "algorithm": _l("Algorithm"),
        "base_date": _l("Base date"), "ken": _l("Key expiry (KEN)"), "kcv": _l("Check value (KCV)"),
        "key_type": _l("Key type"), "module": _l("Security module"), "active_from": _l("Active from"),
        "active_to": _l("Active until"), "demonstration": _l("Kind of key"), "last_token": _l("Last token"),
    }  # fmt: skip
    list_columns = ["sgc", "krn", "algorithm", "base_date", "kcv", "module", "last_token", "demonstration"]
    show_columns = [
        "sgc", "krn", "key_type", "algorithm", "base_date", "ken", "kcv", "active_from", "active_to", "last_token",
        "module", "demonstration",
    ]  # fmt: skip
    add_columns = edit_columns = ["sgc"]
    order_columns = ["sgc", "krn", "kcv"]
    base_order = ("sgc", "asc")
    found_by = {"sgc": begins(_l("Supply group code (SGC)"))}
