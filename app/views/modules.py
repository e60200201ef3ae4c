"""Security modules and the vending keys they hold, as far as they may be known (manual S7).

The software module and its keys are registered by set-up; nothing is typed here.
"""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access.fab import SafeModelView
from app.models import SecurityModule, SupplyGroupKey
from app.views import choices
from app.views.lists import Listed, Rows, begins
from app.views.lists import words as holds

KINDS = {"software": _l("In this program"), "prism": _l("On the network")}


def _algorithms(module: SecurityModule) -> str:
    served = [word for kind, word in choices.ALGORITHM.items() if module.serves(kind)]
    return ", ".join(str(word) for word in served)


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
        "active_to": _l("Active until"), "demonstration": _l("Kind of key"),
    }  # fmt: skip
    list_columns = ["sgc", "krn", "algorithm", "base_date", "kcv", "module", "demonstration"]
    show_columns = [
        "sgc", "krn", "key_type", "algorithm", "base_date", "ken", "kcv", "active_from", "active_to", "module",
        "demonstration",
    ]  # fmt: skip
    add_columns = edit_columns = ["sgc"]
    order_columns = ["sgc", "krn", "kcv"]
    base_order = ("sgc", "asc")
    found_by = {"sgc": begins(_l("Supply group code (SGC)"))}


class SecurityModuleView(Listed, SafeModelView):
    """Security modules."""

    datamodel = Rows(
        SecurityModule,
        computed={
            "algorithms": _algorithms,
            "kind": lambda module: KINDS.get(module.kind, module.kind),
            "place": lambda module: f"{module.address}:{module.port}" if module.address else "",
        },
    )
    route_base = "/modules"
    include_route_methods = {"list", "show"}
    related_views = [SupplyGroupKeyView]
    list_title = title = _l("Security modules")
    show_title = _l("Security module")
    add_title = edit_title = _l("Security module")
    empty_text = _l("No security module yet. Set-up registers the software module.")
    label_columns = {
        "name": _l("Module name"), "kind": _l("Where it runs"), "place": _l("Address and port"),
        "algorithms": _l("Algorithms"), "active": _l("Active"),
    }  # fmt: skip
    list_columns = ["name", "kind", "algorithms", "active"]
    show_columns = ["name", "kind", "place", "algorithms", "active"]
    add_columns = edit_columns = ["name"]
    order_columns = ["name", "active"]
    base_order = ("name", "asc")
    found_by = {"name": holds(_l("Module name"))}
