"""Where secrets come from, and the key that keeps them closed at rest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound, WorkspaceError

if TYPE_CHECKING:
    from .config import Config
    from .place import Place

SEALED = "io.kestra.datatype:aes_encrypted"
_log = logging.getLogger(__name__)


class Secrets:
    """Looks a secret up: environment, then configuration, then what a namespace keeps (sealed)."""

    def __init__(self, config: Config, key: Key, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._plain = bool(config.get("flowbook.secrets.allow-plain-env", False))
        configured = config.get("secrets", {})
        self._configured = {
            _folded(str(name)): str(value)
            for name, value in (configured.items() if isinstance(configured, Mapping) else ())
            if value is not None
        }
        self._key = key

    def find(self, name: str, stored: Sequence[Mapping[str, str]] = ()) -> str | None:
        """The secret; None if there is none. `stored`: sealed secrets of the namespace, then its parents."""
        found = self._of_environment(name)
        if found is None:
            found = self._configured.get(_folded(name))
        if found is not None:
            return found
        for sealed in stored:
            if name in sealed:
                return self._key.decrypt(sealed[name])
        return None

    def get(self, name: str, stored: Sequence[Mapping[str, str]] = ()) -> str:
        """The secret. Raises: NotFound."""
        found = self.find(name, stored)
        if found is None:
            raise NotFound(f"Cannot find secret for key '{name}'.")
        return found

    def names(self, stored: Sequence[Mapping[str, str]] = ()) -> list[str]:
        """The names there are, without values."""
        names = {
            name.removeprefix("SECRET_") for name in self._environ if name.startswith("SECRET_")
        }
        return sorted(
            names | self._configured.keys() | {name for sealed in stored for name in sealed}
        )

    def _of_environment(self, name: str) -> str | None:
        variable = f"SECRET_{name}"
        raw = self._environ.get(variable)
        if raw is None:
            variable = f"SECRET_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
            raw = self._environ.get(variable)
        if raw is None:
            return None
        try:
            return base64.b64decode("".join(raw.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            if self._plain:
                return raw
            _log.error("Could not decode secret '%s', make sure it is Base64-encoded", variable)
            return None


class Key:
    """AES-256-GCM with the workspace's key; the key's file is made with the first value it closes."""

    def __init__(self, place: Place, config: Config | None = None) -> None:
        self._place = place
        self._configured = _configured(config) if config is not None else None
        self._bytes: bytes | None = None

    def encrypt(self, text: str) -> str:
        """base64(12-byte nonce ‖ ciphertext ‖ 16-byte tag)."""
        nonce = os.urandom(12)
        return base64.b64encode(
            nonce + self._cipher(make=True).encrypt(nonce, text.encode(), None)
        ).decode()

    def decrypt(self, closed: str) -> str:
        """The inverse. Raises: FlowbookError when the value was closed with another key."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(closed, validate=True)
            opened: bytes = self._cipher(make=False).decrypt(raw[:12], raw[12:], None)
        except (InvalidTag, ValueError) as error:
            raise FlowbookError(
                f"A secret value can't be opened with the key in {self._place.secret_key}: "
                "it was closed with another one, or changed since."
            ) from error
        return opened.decode()

    def seal(self, value: Any, secrets: Sequence[str] = ()) -> dict[str, str]:
        """A whole value, closed, as it is stored in outputs and inputs; `secrets` are what it hides."""
        sealed = {"type": SEALED, "value": self.encrypt(json.dumps(value, ensure_ascii=False))}
        if secrets:
            sealed["secrets"] = self.encrypt(json.dumps(list(secrets), ensure_ascii=False))
        return sealed

    def open(self, value: Any, learn: Callable[[str], None] = lambda _: None) -> Any:
        """The value with everything sealed in it opened; `learn` is told the secrets in it."""
        if is_sealed(value):
            for secret in json.loads(self.decrypt(value["secrets"])) if "secrets" in value else ():
                learn(secret)
            return json.loads(self.decrypt(value["value"]))
        if isinstance(value, Mapping):
            return {name: self.open(item, learn) for name, item in value.items()}
        if isinstance(value, list):
            return [self.open(item, learn) for item in value]
        return value

    def _cipher(self, *, make: bool) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if self._bytes is None:
            self._bytes = self._configured or self._of_file(make)
        return AESGCM(self._bytes)

    def _of_file(self, make: bool) -> bytes:
        path = self._place.secret_key
        for _ in range(2):
            try:
                content = base64.b64decode(path.read_bytes().strip(), validate=True)
            except FileNotFoundError:
                if not make:
                    raise FlowbookError(
                        f"The key {path} is missing: values that were closed with it can't be opened. "
                        "Put it back from a copy, or set `encryption.secret-key`."
                    ) from None
                self._make(base64.b64encode(os.urandom(32)))
                continue
            except (OSError, ValueError) as error:
                raise WorkspaceError(f"The key {path} can't be read: {error}") from error
            if len(content) == 32:
                return content
        raise WorkspaceError(f"The key {path} doesn't hold 32 bytes in base64")

    def _make(self, content: bytes) -> None:
        """Write the file whole, readable by its owner alone; another process may be first."""
        self._place.create()
        path = self._place.secret_key
        draft = path.with_name(f".secret.{os.getpid()}.{os.urandom(4).hex()}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content + b"\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
        finally:
            draft.unlink()


def is_sealed(value: object) -> bool:
    """Whether a stored value is closed."""
    return (
        isinstance(value, Mapping)
        and value.get("type") == SEALED
        and isinstance(value.get("value"), str)
    )


def _configured(config: Config) -> bytes | None:
    key = config.get("encryption.secret-key")
    if key:
        try:
            content = base64.b64decode(str(key), validate=True)
        except binascii.Error:
            content = b""
        if len(content) != 32:
            raise WorkspaceError(
                "`encryption.secret-key` should be 32 bytes in base64 (`openssl rand -base64 32`)"
            )
        return content
    other = config.get("security.secret-key")
    return hashlib.sha256(str(other).encode()).digest() if other else None


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
