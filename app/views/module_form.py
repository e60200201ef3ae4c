"""The forms of a security module: where it is, who it is for, and a key typed from its letter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography import x509
from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, FileField, HiddenField, PasswordField, TextAreaField
from wtforms.validators import ValidationError

from app.access.versions import remember, show_both
from app.domain.states import Algorithm
from app.models import SecurityModule
from app.services.credentials import CannotUnseal, make_key_file, seal, unseal
from app.services.modules import Draft
from app.sts.module import KeyFacts
from app.sts.prism.place import PASSWORD_MAX, Place
from app.views import choices
from app.views.fields import NEEDED, LocalMoment, Shape, Sound, Text, Word
from app.views.installation import time_zone
from app.views.numbers import Whole

USUAL_PORT = 9443
TEST_TIMEOUT_S = 3.0  # a web worker waits no longer for any one step
PEM_MAX = 20_000
KEY_FILE_MAX = 256 * 1024
PASSPHRASE_MAX = 200
TRUST = {
    "pinned": _l("Only this one certificate"),
    "authority": _l("Certificates of an authority of ours"),
    "unchecked": _l("Any certificate: not checked"),
}
STANDING = {"active": _l("Active"), "standby": _l("Stand-by")}
KEY_TYPE = {2: _l("2, unique (VUDK)"), 1: _l("1, default (VDDK)"), 0: _l("0, initialisation (VIDK)"), 3: _l("3, common (VCDK)")}
DKGA = {2: _l("02, Legacy"), 4: _l("04, STS6")}


class Port(Whole):
    """A port: a number that nobody groups by thousands."""

    def shown(self, stored: int) -> str:
        """9443 stands as 9443."""
        return str(stored)


class Secret(PasswordField):
    """A password: taken as it was typed, never shown again."""

    def __init__(self, label: Any, most: int, **more: Any):
        self.most = most
        super().__init__(label, [Sound()], render_kw={"maxlength": most, "autocomplete": "off"}, **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Refuse what no module could take."""
        self.data = valuelist[0] if valuelist else ""
        if len(self.data) > self.most:
            raise ValueError(_("At most %(most)d characters.", most=self.most))


class Pem(TextAreaField):
    """A certificate as text (PEM)."""

    def __init__(self, label: Any, **more: Any):
        super().__init__(label, [Sound()], **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the certificate, or say that it is none."""
        self.data = "\n".join(valuelist[0].split("\r\n")).strip() if valuelist else ""
        if not self.data:
            return
        if len(self.data) > PEM_MAX:
            raise ValueError(_("At most %(most)d characters.", most=PEM_MAX))
        try:
            x509.load_pem_x509_certificates(self.data.encode())
        except ValueError:
            raise ValueError(
                _("This is no certificate. Paste the lines from BEGIN CERTIFICATE to END CERTIFICATE, both included.")
            ) from None


class PlaceForm(FlaskForm):
    """Step one: address and port, trust, and who we are to the module."""

    address = Text(
        lazy_pgettext("network", "Address"), most=120, rules=[Shape(r"[A-Za-z0-9._:-]+", _l("A name or number of a computer, as in hsm.example or 10.0.0.5."))],
        render_kw={"class": "mono", "spellcheck": "false"}, description=_l("Of the device in your network, as its maker or your network's keeper says."),
    )  # fmt: skip
    port = Port(_l("Port"), least=1, most=65535, default=USUAL_PORT, render_kw={"class": "mono"}, description=_l("9443 unless its maker says otherwise."))
    username = Text(_l("User name"), most=60, description=_l("As the module knows it."))
    password = Secret(_l("Password"), PASSWORD_MAX, description=_l("Kept encrypted and never shown again."))
    trust = Word(_l("Trust"), TRUST, default="pinned", description=_l("How the program knows that the right device answers."))
    fingerprint = Text(
        _l("Fingerprint of its certificate (SHA-256)"), most=100, required=False, render_kw={"class": "mono", "data-wide": "1", "spellcheck": "false"},
        description=_l("64 digits, as the module's own set-up shows them. Left empty, the test shows what the module presents, and you decide."),
    )  # fmt: skip
    authority = Pem(
        _l("Certificate of the authority"), description=_l("As text, PEM."),
        render_kw={"class": "mono", "rows": "4", "spellcheck": "false"},
    )  # fmt: skip

    kept: SecurityModule | None = None

    def validate_fingerprint(self, field: Any) -> None:
        """64 hexadecimal digits, however they are set apart."""
        if field.data:
            plain = re.sub(r"[\s:]", "", field.data).lower()
            if not re.fullmatch(r"[0-9a-f]{64}", plain):
                raise ValidationError(_("A fingerprint has 64 digits from 0 to 9 and a to f."))
            field.data = plain

    def validate_authority(self, field: Any) -> None:
        """Trusting an authority takes its certificate."""
        if self.trust.data == "authority" and not field.data:
            raise ValidationError(NEEDED)

    def validate_password(self, field: Any) -> None:
        """A new module needs one; an old one keeps what it has while its address stays."""
        if field.data:
            return
        if self.kept is None or not self.kept.sealed_password:
            raise ValidationError(NEEDED)
        # A password is never sent where it was not meant to go.
        if (self.kept.address, self.kept.port) != (self.address.data, self.port.data) or self._trusts_others():
            raise ValidationError(_("Type the password again: the place or the trust was changed."))
        try:
            unseal(self.kept.sealed_password, current_app.config["CREDENTIALS_FILE"])
        except CannotUnseal:
            raise ValidationError(_("The stored password cannot be opened. Type it again.")) from None

    def _trusts_others(self) -> bool:
        kept = self.kept
        stored = (kept.trust, kept.fingerprint or None, kept.authority or None) if kept else None
        given = (
            self.trust.data,
            self.fingerprint.data if self.trust.data == "pinned" else None,
            self.authority.data if self.trust.data == "authority" else None,
        )
        return stored != tuple(value or None for value in given)

    def place(self) -> Place:
        """The place as it was typed; an empty password is the stored one."""
        password = self.password.data
        if not password and self.kept is not None and self.kept.sealed_password:
            password = unseal(self.kept.sealed_password, current_app.config["CREDENTIALS_FILE"])
        trust = self.trust.data
        return Place(
            self.address.data, self.port.data, self.username.data, password or "", trust=trust,
            fingerprint=(self.fingerprint.data or None) if trust == "pinned" else None,
            authority=(self.authority.data or None) if trust == "authority" else None,
            connect_timeout_s=TEST_TIMEOUT_S, answer_timeout_s=TEST_TIMEOUT_S,
        )  # fmt: skip


class ModuleForm(PlaceForm):
    """Step one and two: also the name, the algorithms, and the first key file."""

    name = Text(_l("Module name"), most=60)
    serves_legacy = BooleanField(_l("Legacy meters"))
    serves_sts6 = BooleanField(_l("STS6 meters"))
    standing = Word(_l("It is"), STANDING, default="active", description=_l("One active module makes the tokens of each kind of meter; a stand-by one waits to take over."))
    take_over = BooleanField(_l("Take over from the module that serves now"))
    memory_hours = Whole(
        _l("Remembers its answers for"), least=1, most=8760, required=False, unit=_l("hours"),
        description=_l("Only if its maker says so. Empty: the setting of this installation."),
    )  # fmt: skip
    key_file = FileField(_l("Key file"))
    key_passphrase = Secret(_l("Pass phrase of the key file"), PASSPHRASE_MAX)
    untested = BooleanField(_l("Save although the test failed"))
    row_version, row_base, row_typed = HiddenField(), HiddenField(), HiddenField()

    # Two people at one module: what stands on the page then, and what is asked for rather than kept.
    versions: Any = None
    ASKED = ("take_over", "untested")
    # What the module inside this program does not have.
    OUTSIDE = ("address", "port", "username", "password", "trust", "fingerprint", "authority", "memory_hours", "untested")
    FIRST = ("key_file", "key_passphrase")

    @classmethod
    def on(cls, row: SecurityModule | None, **given: Any) -> ModuleForm:
        """The form for a stored module, or for a new one."""
        form = cls(**given)
        form.kept = row
        if row is not None:
            for name in (*cls.FIRST, *(cls.OUTSIDE if row.kind == "software" else ())):
                del form[name]
            if form.password is not None:
                form.password.description = _("Empty: the stored one stays. It is never shown.")
        return form

    @classmethod
    def of(cls, row: SecurityModule) -> ModuleForm:
        """The form filled with what is stored; never the password."""
        form = cls.on(row, formdata=None, obj=row)
        form.standing.data = "active" if row.active else "standby"
        form.row_version.data = str(row.version)
        remember(form, row)
        return form

    def show_both(self, row: SecurityModule, posted: MultiDict[str, str]) -> None:
        """Set what was typed beside what somebody else has stored meanwhile, field by field."""
        theirs = ModuleForm.of(row)
        for name in self.ASKED:
            if name in theirs:  # the module inside this program has less of both
                del theirs[name]
        self.versions = show_both(self, theirs, row, posted)

    def begin(self, served: Mapping[Algorithm, Any]) -> None:
        """Offer a new module what nobody serves yet, else to stand by for all."""
        free = [a for a in Algorithm if a not in served]
        self.serves_legacy.data = Algorithm.LEGACY in free or not free
        self.serves_sts6.data = Algorithm.STS6 in free or not free
        self.standing.data = "active" if free else "standby"

    def ask_again(self) -> None:
        """Say of what a browser cannot give back that it has to be given again."""
        if self.password is not None and self.password.data:
            self.password.description = _("Type it again: a password is never sent back.")
        if self.key_file is not None and self.key_file.data:
            self.key_file.description = _("Choose it again, and type its pass phrase.")

    def moved(self) -> bool:
        """Whether anything was typed that only a test can prove."""
        kept = self.kept
        if kept is None or kept.kind == "software":
            return False
        same = (kept.address, kept.port, kept.username) == (self.address.data, self.port.data, self.username.data)
        return not same or bool(self.password.data) or self._trusts_others()

    def draft(self) -> Draft:
        """What was typed, as the service takes it; the password is sealed."""
        if self.kept is not None and self.kept.kind == "software":
            return Draft(
                name=self.name.data, address="", port=0, username="", trust="pinned", fingerprint=None, authority=None,
                memory_hours=None, serves_legacy=self.serves_legacy.data, serves_sts6=self.serves_sts6.data,
                active=self.standing.data == "active", take_over=self.take_over.data,
            )  # fmt: skip
        key_file = current_app.config["CREDENTIALS_FILE"]
        make_key_file(key_file)
        return Draft(
            name=self.name.data, address=self.address.data, port=self.port.data, username=self.username.data,
            trust=self.trust.data, fingerprint=self.fingerprint.data or None, authority=self.authority.data or None,
            memory_hours=self.memory_hours.data, serves_legacy=self.serves_legacy.data,
            serves_sts6=self.serves_sts6.data, active=self.standing.data == "active", take_over=self.take_over.data,
            sealed_password=seal(self.password.data, key_file) if self.password.data else None,
        )  # fmt: skip

    @property
    def version(self) -> int:
        """The version that the form was filled with; a forged one is an old one."""
        text = self.row_version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


class KeyFileForm(FlaskForm):
    """A further key file for a module of ours."""

    key_file = FileField(_l("Key file"))
    key_passphrase = Secret(_l("Pass phrase of the key file"), PASSPHRASE_MAX)

    def validate_key_file(self, field: Any) -> None:
        """Something was chosen."""
        if not field.data or not field.data.filename:
            raise ValidationError(_("Choose the key file."))


class KeyForm(FlaskForm):
    """The facts of one vending key of a hardware module, from its key letter."""

    sgc = Text(
        _l("Supply group code (SGC)"), most=6, render_kw={"class": "mono", "inputmode": "numeric"},
        rules=[Shape(r"[0-9]{6}", _l("Six digits."))], description=_l("The group of meters that share the key; it stands in the key letter."),
    )  # fmt: skip
    krn = Whole(_l("Key revision (KRN)"), least=1, most=9, default=1, description=_l("Which generation of the group's key it is, 1 to 9."))
    key_type = Word(_l("Key type"), KEY_TYPE, default=2, description=_l("Credit is sold with keys of type 2 only."))
    dkga = Word(_l("Key derivation (DKGA)"), DKGA, description=_l("How a meter's own key comes from the group's. It decides whether legacy or STS6 meters take its tokens."))
    base_date = Word(_l("Base date"), choices.BASE_YEAR, description=_l("The day from which a token's minutes are counted. After about 31 years a new key is needed."))
    ken = Whole(_l("Key expiry (KEN)"), least=0, most=255, default=255, description=_l("255: it does not expire before its base date ends."))
    kcv = Text(
        _l("Check value (KCV)"), most=6, render_kw={"class": "mono", "spellcheck": "false"},
        rules=[Shape(r"[0-9A-Fa-f]{6}", _l("Six digits from 0 to 9 and A to F."))],
        description=_l("Every answer of the module is held against it."),
    )  # fmt: skip
    active_from = LocalMoment(_l("Active from"), time_zone, required=False, description=_l("Empty: at once."))
    active_to = LocalMoment(_l("Active until"), time_zone, required=False, description=_l("After it nothing is made with the key. Empty: as long as the module has it."))

    def validate_active_to(self, field: Any) -> None:
        """The end comes after the beginning."""
        if field.data and self.active_from.data and field.data - self.active_from.data <= timedelta(0):
            raise ValidationError(_("The end has to come after the beginning."))

    def facts(self) -> KeyFacts:
        """What was typed."""
        return KeyFacts(
            sgc=self.sgc.data, krn=self.krn.data, key_type=self.key_type.data, dkga=self.dkga.data,
            base_date=self.base_date.data, ken=self.ken.data, kcv=self.kcv.data.upper(),
            active_from=self.active_from.data, active_to=self.active_to.data, eas=(),
        )  # fmt: skip

