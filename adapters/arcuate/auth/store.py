"""Where tokens are between two runs of a program: an encrypted file each, or the system's keyring."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from arcuate.connector import IntegrationError, Secret, reveal
from arcuate.errors import InvalidArgument

__all__ = ["EncryptedStore", "KeyringStore", "TokenStore"]


class TokenStore(Protocol):
    """Keeps tokens by name."""

    def load(self, name: str) -> dict[str, Any] | None:
        """The token, ``None`` if there is none."""

    def save(self, name: str, token: Mapping[str, Any]) -> None:
        """Keeps a token."""

    def remove(self, name: str) -> None:
        """Forgets a token, if there is one."""


class EncryptedStore:
    """A folder of files that a passphrase opens: Fernet (AES and HMAC) with a key by scrypt.

    Args:
        folder: made with mode 0700 if it is not there.
        passphrase: at least 12 characters, or where it is (``env:NAME`` ...).
    """

    def __init__(self, folder: str | Path, passphrase: str | Secret) -> None:
        self._folder = Path(folder).expanduser()
        self._passphrase = reveal(passphrase, "the passphrase of the token store") or ""
        if len(self._passphrase) < 12:
            raise InvalidArgument("the passphrase of a token store has at least 12 characters")
        self._keys: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"EncryptedStore({str(self._folder)!r})"

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.token"

    def _box(self, salt: bytes) -> Any:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        with self._lock:
            if salt not in self._keys:
                made = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(self._passphrase.encode())
                self._keys[salt] = base64.urlsafe_b64encode(made)
            return Fernet(self._keys[salt])

    def load(self, name: str) -> dict[str, Any] | None:
        """The token.

        Raises:
            InvalidArgument: the file cannot be read, the passphrase is another, or somebody changed it.
        """
        from cryptography.fernet import InvalidToken

        path = self._path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidArgument(f"the token file {path} cannot be read: {error.strerror}") from None
        try:
            kept = json.loads(self._box(data[:16]).decrypt(data[16:]))
            if kept["name"] != name:
                raise ValueError
            token: dict[str, Any] = kept["token"]
        except (InvalidToken, ValueError, KeyError, TypeError):
            raise InvalidArgument(
                f"the token file {path} cannot be opened: another passphrase, or it was changed; "
                "remove it to log in anew"
            ) from None
        return token

    def save(self, name: str, token: Mapping[str, Any]) -> None:
        salt = os.urandom(16)
        data = salt + self._box(salt).encrypt(json.dumps({"name": name, "token": dict(token)}).encode())
        with self._lock:
            self._keys = {one: key for one, key in self._keys.items() if one == salt}
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:  # mode 0600
                try:
                    file.write(data)
                    file.close()
                    os.replace(file.name, self._path(name))
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(file.name)
                    raise
        except OSError as error:
            raise InvalidArgument(f"tokens cannot be kept in {self._folder}: {error.strerror}") from None

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)


class KeyringStore:
    """The system's keyring (package ``keyring``).

    Args:
        service: under which the tokens are in it.
    """

    def __init__(self, service: str = "arcuate") -> None:
        try:
            import keyring
        except ModuleNotFoundError:
            raise InvalidArgument("the keyring needs a package; type: pip install keyring") from None
        self._keyring = keyring
        self._service = service

    def __repr__(self) -> str:
        return f"KeyringStore({self._service!r})"

    def load(self, name: str) -> dict[str, Any] | None:
        text = self._asked(lambda: self._keyring.get_password(self._service, name))
        if text is None:
            return None
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError:
            raise InvalidArgument(f"the keyring's entry {name!r} of {self._service!r} is no token") from None
        return found

    def save(self, name: str, token: Mapping[str, Any]) -> None:
        text = json.dumps(dict(token))
        self._asked(lambda: self._keyring.set_password(self._service, name, text))

    def remove(self, name: str) -> None:
        if self.load(name) is not None:
            self._asked(lambda: self._keyring.delete_password(self._service, name))

    def _asked(self, question: Any) -> Any:
        try:
            return question()
        except self._keyring.errors.KeyringError as error:
            raise IntegrationError(
                f"the keyring does not answer: {error}; without one use EncryptedStore", service="keyring"
            ) from error
