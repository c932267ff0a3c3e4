"""Secrets of a configuration: never shown, and fetched where they are kept only when they are used.

A secret is the text itself, or says where it is:

=========================  ==========================================================================
``env:NAME``               the environment variable
``file:PATH``              the first line of a file that only its owner can read
``keyring:SERVICE/USER``   the system's keyring (package ``keyring``)
=========================  ==========================================================================
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from arcuate.errors import InvalidArgument

__all__ = ["HIDDEN", "Secret", "cause", "conceal", "redacted", "reveal"]

HIDDEN = "***"
Secret = SecretStr
"""The type of a field that holds a secret: its value is in no repr, log or error."""
_QUERY = re.compile(
    r"(?i)([?&](?:[\w-]*(?:[-_]|(?-i:(?<=[a-z])(?=[A-Z]))))?"
    r"(?:api_?key|appid|auth|credential|key|passw(?:or)?d|secret|sig(?:nature)?|token)=)[^&#\s]*"
)
_PASSWORD = re.compile(r"""(://[^\s/?#@:"'<>]*:)[^\s/?#"'<>]*@""")


def reveal(secret: SecretStr | str | None, what: str = "the secret") -> str | None:
    """The secret itself, fetched from where it is kept.

    Raises:
        InvalidArgument: it is not there, or its file can be read by others.
    """
    if secret is None:
        return None
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    scheme, found, rest = text.partition(":")
    if not found or scheme not in ("env", "file", "keyring"):
        return text
    if scheme == "env":
        value = os.environ.get(rest)
        if value is None:
            raise InvalidArgument(f"{what} is in the environment variable {rest!r}, which is not set")
        return value
    if scheme == "file":
        return _of_file(Path(rest).expanduser(), what)
    return _of_keyring(rest, what)


def _of_file(path: Path, what: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InvalidArgument(f"{what} is in a file that others can read; type: chmod 600 {path}")
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{what} is in the file {path}, which cannot be read: {error}") from None


def _of_keyring(place: str, what: str) -> str:
    service, found, user = place.partition("/")
    if not found or not service or not user:
        raise InvalidArgument(f"{what}: 'keyring:{place}' is not of the form keyring:SERVICE/USER")
    try:
        import keyring
    except ModuleNotFoundError:
        raise InvalidArgument(
            f"{what} is in the keyring, which needs a package; type: pip install keyring"
        ) from None
    try:
        value: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise InvalidArgument(f"{what}: the keyring cannot be read: {error}") from None
    if value is None:
        raise InvalidArgument(f"{what}: the keyring has no password of {user!r} for {service!r}")
    return value


def redacted(url: str) -> str:
    """An address fit to be shown: without password, and without secrets in its query."""
    try:
        parts = urlsplit(url)
        if parts.password is not None or (parts.username and "@" in parts.netloc):
            host = parts.netloc.rpartition("@")[2]
            user = f"{parts.username}:{HIDDEN}@" if parts.password is not None else f"{parts.username}@"
            url = urlunsplit((parts.scheme, user + host, parts.path, parts.query, parts.fragment))
    except ValueError:
        return HIDDEN
    return _QUERY.sub(rf"\g<1>{HIDDEN}", url)


def conceal(text: Any, secrets: Iterable[str | None]) -> str:
    """A text without these secrets: as they are, and as an address, JSON, HTML or a ``repr`` has them."""
    shown = str(text)
    known = {one for one in secrets if one and len(one.strip()) >= 4}
    for form in sorted({form for one in known for form in _forms(one)}, key=len, reverse=True):
        shown = shown.replace(form, HIDDEN)  # the longest first: a shorter one may be a part of it
    return _PASSWORD.sub(rf"\g<1>{HIDDEN}@", _QUERY.sub(rf"\g<1>{HIDDEN}", shown))


def _forms(secret: str) -> set[str]:
    import html
    import json
    from urllib.parse import quote, quote_plus

    bare = secret.strip()
    return {
        secret,
        bare,
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(bare),
        json.dumps(bare)[1:-1],
        json.dumps(bare, ensure_ascii=False)[1:-1],
        repr(bare)[1:-1],
        repr(bare.encode("utf-8", "surrogatepass"))[2:-1],
    }


def cause(error: BaseException, conceal: Callable[[object], str]) -> BaseException | None:
    """What an error of ours is raised ``from``: a library's, unless it, or what it came from, shows a secret.

    A traceback prints the whole chain of causes, and what is in it was written by others.
    """
    one: BaseException | None = error
    seen: list[BaseException] = []
    while one is not None and one not in seen:
        said = str(one)
        if conceal(said) != said:
            return None
        seen.append(one)
        one = one.__cause__ or one.__context__
    return error
