"""Tokens: a file with who may do what; of a token itself only a hash is kept.

::

    [token.alice]
    id = "9f2c41d07a55"
    hash = "sha256:..."
    environments = ["r"]
    functions = ["stats::*"]
    eval = false
    expires = 1795600000

    [certificate."CN=robot"]
    environments = ["octave"]

    [key.probe]
    public = "..."                      # of a ZeroMQ client with CURVE
    publish = ["lab/*"]

A token is 32 random bytes, so a plain SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from arcuate.errors import ArcuateError, AuthenticationFailed, InvalidArgument, NameNotFound, PermissionDenied
from arcuate.hub.principal import Principal

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]

__all__ = ["SKEW", "Tokens", "create", "entries", "revoke"]

SKEW = 300.0
"""Seconds that the clock of the machine that made a token may be ahead of the hub's."""
LIMITS = ("sessions", "memory", "message", "array", "nodes", "text", "depth", "call_seconds")
_TOKEN = re.compile(r"arc_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LISTS = ("environments", "functions", "publish", "subscribe")
_NOBODY = "sha256:" + "0" * 64
_KINDS = ("token", "certificate", "key")
_Table = dict[str, Any]


class Tokens:
    """What a hub knows of tokens, certificates and keys.

    Args:
        path: the file.

    Attributes:
        principals: everybody in the file, by the name that the hub uses: ``token:alice``.

    Raises:
        InvalidArgument: the file cannot be understood.
        PermissionDenied: others can write it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.principals: dict[str, Principal] = {}
        self._tokens: dict[str, tuple[str, str, float]] = {}  # id: name, hash, when it was made
        self._by_key: dict[str, str] = {}
        self._ends: dict[str, float] = {}  # name: end by the clock that nobody sets
        self._stamp: tuple[int, int, int] | None = None
        self.reload()

    @property
    def certificates(self) -> bool:
        """Whether the file says who of those with a certificate may come."""
        return any(one.kind == "certificate" for one in self.principals.values())

    def reload(self) -> None:
        """Reads the file again; raises as the constructor does, and keeps what was known then."""
        stamp = _stamp(self.path)
        tables = _read(self.path)
        principals: dict[str, Principal] = {}
        tokens: dict[str, tuple[str, str, float]] = {}
        by_key: dict[str, str] = {}
        for kind in _KINDS:
            for name, table in tables.get(kind, {}).items():
                one = _principal(kind, name, table)
                known = self.principals.get(one.name)
                principals[one.name] = known if known == one else one
                if kind == "token":
                    tokens[table["id"]] = (one.name, table["hash"], float(table.get("created", 0)))
                elif kind == "key":
                    by_key[table["public"]] = one.name
        now, clock = time.time(), time.monotonic()
        ends = {
            name: clock + one.expires - now for name, one in principals.items() if one.expires is not None
        }
        for name, end in self._ends.items():  # a clock that was set back gives nobody more time
            if principals.get(name) is self.principals.get(name) and name in ends:
                ends[name] = min(end, ends[name])
        self.principals, self._tokens, self._by_key, self._ends = principals, tokens, by_key, ends
        self._stamp = stamp

    def refresh(self) -> bool:
        """Reads the file again if it is another than before; says whether it was."""
        if _stamp(self.path) == self._stamp:
            return False
        self.reload()
        return True

    def of_token(self, token: str) -> Principal:
        """Whose token it is.

        Raises:
            AuthenticationFailed: nobody's, or its time is over.
        """
        found = _TOKEN.fullmatch(token)
        number = found.group(1) if found else ""
        if number and number not in self._tokens:
            with suppress(ArcuateError, OSError):  # whoever looks at the file regularly says what is wrong
                self.refresh()  # made a moment ago
        name, known, created = self._tokens.get(number, ("", _NOBODY, 0.0))
        same = hmac.compare_digest(_hash(token).encode(), known.encode())
        if not same or not name:
            raise AuthenticationFailed("the token is not known here; it is wrong, or was revoked")
        principal = self.principals[name]
        self.check(principal)
        if created > time.time() + SKEW:
            raise AuthenticationFailed(
                f"the token of {name!r} was made {created - time.time():,.0f} s in the future: the clocks of "
                f"this hub and of the machine that made it differ by more than {SKEW:g} s; set them right"
            )
        return principal

    def of_certificate(self, subject: str) -> Principal:
        """Whose certificate it is.

        Raises:
            AuthenticationFailed: that of somebody who is not in the file.
        """
        return self._of("certificate", subject)

    def of_key(self, key: str) -> Principal | None:
        """Whose CURVE key it is; ``None`` when the file says nothing of it."""
        name = self._by_key.get(key)
        if name is None:
            return None
        self.check(self.principals[name])
        return self.principals[name]

    def _of(self, kind: str, name: str) -> Principal:
        found = self.principals.get(f"{kind}:{name}")
        if found is None:
            raise AuthenticationFailed(f"the {kind} of {name[:200]!r} is not known here")
        self.check(found)
        return found

    def check(self, principal: Principal) -> None:
        """Refuses one whose time is over, who was revoked, or whose rights have changed meanwhile.

        Raises:
            AuthenticationFailed: it is so.
        """
        known = self.principals.get(principal.name)
        if known is not principal and known != principal:
            raise AuthenticationFailed(
                f"{principal.name!r} was revoked or has other rights now; connect again"
                if known is not None
                else f"{principal.name!r} was revoked"
            )
        end = self._ends.get(principal.name)
        over = end is not None and time.monotonic() >= end
        if over or (principal.expires is not None and time.time() >= principal.expires):
            raise AuthenticationFailed(f"the credentials of {principal.name!r} have expired")


def _hash(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        state = path.stat()
    except FileNotFoundError:
        return 0, 0, 0  # whoever reads it then says what is missing
    return state.st_mtime_ns, state.st_ino, state.st_size


def _principal(kind: str, name: str, table: Any) -> Principal:
    """An entry of the file as a principal."""
    where = f"[{kind}.{name}]"
    if not isinstance(table, dict):
        raise InvalidArgument(f"{where} must be a table")
    known = {"id", "hash", "public", "created", "expires", "eval", "workspace", "limits", *_LISTS}
    for key in table:
        if key not in known:
            raise InvalidArgument(
                f"{where} has the unknown key {key!r}; there are: {', '.join(sorted(known))}"
            )
    for key in {"token": ("id", "hash"), "key": ("public",)}.get(kind, ()):
        if not isinstance(table.get(key), str):
            raise InvalidArgument(f"{where} needs {key!r}, a text")
    lists: dict[str, tuple[str, ...]] = {}
    for key in _LISTS:
        if key in table:
            value = table[key]
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise InvalidArgument(f"{where}: {key!r} must be a list of texts")
            lists[key] = tuple(value)
    may_eval, workspace = table.get("eval", True), table.get("workspace", True)
    if not isinstance(may_eval, bool) or not isinstance(workspace, bool):
        raise InvalidArgument(f"{where}: 'eval' and 'workspace' are true or false")
    if may_eval and "functions" in lists:
        raise InvalidArgument(
            f"{where}: functions can be restricted only without eval, since code calls what it likes; "
            "set eval = false"
        )
    if not may_eval:
        lists.setdefault("functions", ("*",))
    expires = table.get("expires")
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, (int, float))):
        raise InvalidArgument(f"{where}: 'expires' must be a number, seconds since 1970")
    limits = table.get("limits", {})
    if not isinstance(limits, dict) or any(
        key not in LIMITS or isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0
        for key, value in limits.items()
    ):
        raise InvalidArgument(f"{where}: 'limits' takes positive numbers for: {', '.join(LIMITS)}")
    for key, value in limits.items():
        if key != "call_seconds" and not isinstance(value, int):
            raise InvalidArgument(f"{where}: the limit {key!r} must be a whole number, not {value!r}")
    return Principal(
        f"{kind}:{name}",
        {"key": "curve"}.get(kind, kind),
        eval=may_eval,
        workspace=workspace,
        limits=limits,
        expires=None if expires is None else float(expires),
        **lists,
    )


def _read(path: Path) -> dict[str, dict[str, _Table]]:
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InvalidArgument(
            f"there is no tokens file {str(path)!r}; type: arcuate token create --file {path}"
        ) from None
    if stat.S_IMODE(mode) & 0o022:
        raise PermissionDenied(f"others can write the tokens file {str(path)!r}; type: chmod 600 {path}")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"the tokens file {str(path)!r} is no TOML: {error}") from None
    for kind, tables in found.items():
        if kind not in _KINDS or not isinstance(tables, dict):
            raise InvalidArgument(
                f"the tokens file {str(path)!r} has the unknown part {kind!r}; there are: {', '.join(_KINDS)}"
            )
    return found


# ---------------------------------------------------------------------- changing it


def create(path: Path, name: str | None = None, **rights: Any) -> str:
    """Adds a token to the file, which is made if need be.

    Args:
        path: the file.
        name: whose token; made up if ``None``.
        rights: the keys of an entry; ``None`` stands for the default.

    Returns:
        The token, which is kept nowhere.
    """
    number = secrets.token_hex(6)
    name = name or number
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"{name[:80]!r} is no name for a token; use letters, digits, '.', '_', '-', '@'"
        )
    token = f"arc_{number}_{secrets.token_urlsafe(32)}"
    entry: _Table = {"id": number, "hash": _hash(token), "created": int(time.time())}
    entry.update({key: value for key, value in rights.items() if value is not None})
    _principal("token", name, entry)
    with _changing(path) as tables:
        known = tables.setdefault("token", {})
        if name in known:
            raise InvalidArgument(
                f"there is a token of {name!r} already; revoke it first, or use another name"
            )
        known[name] = entry
    return token


def revoke(path: Path, name: str) -> None:
    """Removes a token; a hub notices it within about a second.

    Raises:
        NameNotFound: there is none of that name.
    """
    with _changing(path) as tables:
        if tables.get("token", {}).pop(name, None) is None:
            known = ", ".join(sorted(tables.get("token", {}))) or "none"
            raise NameNotFound(f"there is no token of {name!r}; there are: {known}")


def entries(path: Path) -> dict[str, _Table]:
    """The tokens of a file by name, without their hashes."""
    found = _read(path).get("token", {})
    return {
        name: {key: value for key, value in table.items() if key != "hash"} for name, table in found.items()
    }


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, dict[str, _Table]]]:
    """The tables of the file, written back as a whole; two that change it at a time wait for each other."""
    path = path.expanduser().absolute()
    lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tables = _read(path) if path.exists() else {}
        yield tables
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(_toml(tables))
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    finally:
        os.close(lock)


def _toml(tables: Mapping[str, Mapping[str, _Table]]) -> str:
    lines = ["# Who may use this hub. Written by arcuate token; may be edited."]
    for kind, named in tables.items():
        for name, table in named.items():
            lines += ["", f"[{kind}.{_text(name)}]"]
            lines += [f"{key} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
