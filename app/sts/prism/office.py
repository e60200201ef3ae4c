"""What the module server does with its folder while it runs: key files, licences, counters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.sts import keyfile
from app.sts.keyring import refused
from app.sts.keystore import KeyStore, KeyStoreError, read_passphrase
from app.sts.module import KeyFacts, ModuleError
from app.sts.prism import folder as places
from app.sts.prism import licence
from app.sts.prism.journal import FileJournal
from app.sts.software import SoftwareModule


class Office:
    """The folder of one running module."""

    def __init__(
        self,
        folder: Path,
        store: KeyStore,
        module: SoftwareModule,
        journal: FileJournal,
        *,
        test_mode: bool,
        counters: Callable[[], dict[str, object]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``counters``: what the transport counts. ``test_mode`` lets token ids be forgotten."""
        self._folder, self._store, self._module, self._journal = folder, store, module, journal
        self.test_mode, self.counters, self._clock = test_mode, counters, clock

    def load_licence(self, text: str) -> bool:
        """Add a licence; False when it was added before. Raises ModuleError."""
        key = (self._folder / places.LICENCE_KEY).read_text("ascii")
        try:
            said = licence.read(key, self._module.name, text)
        except licence.LicenceError as error:
            raise refused(str(error)) from None
        return self._journal.add_licence(said.serial, said.transactions)

    def open_key_file(self, text: str, passphrase: str) -> keyfile.KeyFile:
        """Open a key file: slow on purpose, for a thread beside. Raises ModuleError."""
        try:
            return keyfile.read(text, passphrase, self._clock())
        except KeyStoreError as error:
            raise _refused_file(error) from None

    def load_keys(self, file: keyfile.KeyFile) -> tuple[KeyFacts, ...]:
        """Take the keys of an opened file, durably, or none of them. Raises ModuleError."""
        try:
            keys = keyfile.merge(self._store, file)
        except KeyStoreError as error:
            raise _refused_file(error) from None
        passphrase = read_passphrase(self._folder / places.PASSPHRASE)
        # First the file, in one piece; then this process. A crash between them is healed by the next start.
        self._store = KeyStore.create(self._store.path, passphrase, keys, file.issued_at)
        self._module.load(keys)
        return self._module.status().keys


def _refused_file(error: KeyStoreError) -> ModuleError:
    return ModuleError("EParamRange", permanent=True, detail=str(error))
