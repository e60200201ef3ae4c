"""The key file that comes with a module: handed to a module of ours, refused for hardware."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from app.services import module_keys
from app.sts.keyfile import KeyFileError, inspect, looks_like_hardware_file
from app.sts.module import KeyFacts, ModuleError
from app.sts.prism.place import Place
from app.views.module_form import KEY_FILE_MAX
from app.views.module_trial import load_keys
from app.views.module_words import HARDWARE_FILE, HARDWARE_ONLY, key_file_refused


class Unsaved(Exception):
    """A key file was not taken; the text is the sentence for its field."""


def content_of(field: Any) -> bytes:
    """The file that was chosen; nothing where none was.  Raises Unsaved for one too large."""
    if not field.data or not getattr(field.data, "filename", ""):
        return b""
    content: bytes = field.data.read(KEY_FILE_MAX + 1)
    if len(content) > KEY_FILE_MAX:
        raise Unsaved(_("The file is too large to be a key file."))
    if not content:
        raise Unsaved(_("The file is empty."))
    return content


def load_first_keys(form: Any, trial: Any) -> tuple[KeyFacts, ...] | None:
    """Load the file of a new module, if there is one; its keys, or None for hardware.

    Raises Unsaved with the reason; then the module has taken nothing.  Raises PublicKey.
    """
    content = content_of(form.key_file)
    if not content:
        told = None if trial.keys is None else tuple(trial.keys)
        require_own(told or ())
        return told
    if trial.keys is None and not looks_like_hardware_file(content.decode("utf-8", "replace")):
        raise Unsaved(str(HARDWARE_ONLY))
    keys = load(form.place(), content, form.key_passphrase.data or "")
    require_own(keys)
    return keys


def require_own(keys: Iterable[KeyFacts]) -> None:
    """In production, refuse the public keys of the demonstration.  Raises PublicKey; nothing is noted then."""
    if current_app.config["MODE"] == "production":
        module_keys.refuse_public(keys)


def load(place: Place, content: bytes, passphrase: str) -> tuple[KeyFacts, ...]:
    """Hand a file to a module of ours; the keys it holds now.  Raises Unsaved."""
    text = content.decode("utf-8", "replace")
    if looks_like_hardware_file(text):
        raise Unsaved(str(HARDWARE_FILE))
    try:
        inspect(text)
        return load_keys(place, text, passphrase)
    except KeyFileError:
        raise Unsaved(_("This is not a key file of this program, or of another version of it. Nothing was loaded.")) from None
    except ModuleError as error:
        if error.code == "EMethod.Unknown":
            raise Unsaved(str(HARDWARE_ONLY)) from error
        raise Unsaved(_("%(why)s Nothing was loaded.", why=key_file_refused(error))) from error
