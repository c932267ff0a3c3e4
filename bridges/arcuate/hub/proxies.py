"""Objects of one session that the interpreter of another one holds.

A handle of another session of the same principal travels on to the interpreter as a *function* whose id is
``session/generation:number``: what workers do with functions of the caller (call them, give them back) is all
that a proxy needs. On its way back to the client it is a handle again. What the code there calls, the hub
itself carries out in the session that has the object (:mod:`arcuate.hub.errands`).

The interpreter that has an object counts how often it sent it. The hub counts on from there: each reference
that it makes itself, for another interpreter or for the client, counts one more, and what is released is
taken from those first. So the object goes when the last of them has gone, and nobody has to be asked.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import (
    ArcuateError,
    InvalidArgument,
    PermissionDenied,
    RemoteError,
    StaleHandle,
    Unsupported,
    to_mapping,
)
from arcuate.hub.relay import read
from arcuate.values import codes
from arcuate.values.nodes import Nodes, Row
from arcuate.values.paths import row_path

if TYPE_CHECKING:
    from arcuate.hub.core import Hub
    from arcuate.hub.errands import Errand
    from arcuate.hub.relay import Request
    from arcuate.hub.session import HubSession

__all__ = ["NOTHING_KNOWN", "Proxies", "failed", "references"]

_PLAIN = frozenset((codes.NULL, codes.BOOL, codes.INT, codes.FLOAT, codes.TEXT, codes.LIST, codes.MAPPING))
_FOREIGN: Row = (codes.BOOL, 0, 0, 0, 0, 1, "foreign", "")
_ABOVE = 1 << 53
"""Ids of errands are counted down from here; clients count theirs up."""
NOTHING_KNOWN: Row = (codes.MAPPING, 0, 0, 0, 0, 0, "info", "")
"""What a handle says of its object at least."""
_Turn = Callable[[int, Row], "tuple[int, str, list[Row]] | None"]
"""For the row of a reference: its new kind and text, and what is known of the object; ``None``: as it is."""


class Held:
    """What an interpreter holds of another session.

    Attributes:
        owner: the session that has the object.
        id: the object's id there.
        count: how many references the interpreter has.
        info: what is known of it, as rows.
    """

    __slots__ = ("count", "id", "info", "owner")

    def __init__(self, owner: HubSession, number: str, info: list[Row]) -> None:
        self.owner = owner
        self.id = number
        self.info = info
        self.count = 0


class Proxies:
    """The proxies of one session: those that its interpreter holds, and those to its own objects.

    Attributes:
        hub: set when the session is open.
        held: what the interpreter holds, by its id there.
        lent: own objects: the references that the hub has made beside those that the interpreter counts.
    """

    def __init__(self, session: HubSession) -> None:
        self.hub: Hub | None = None
        self.held: dict[str, Held] = {}
        self.lent: Counter[str] = Counter()
        self._session = session
        self._lock = threading.Lock()
        self._errands: set[Errand] = set()
        self._dropped: list[str] = []
        self._over = False
        self._numbers = count(1)
        self._failed: tuple[int, ArcuateError] | None = None

    # ------------------------------------------------------- from and to the client

    def admit(self, request: Request) -> None:
        """Turns handles of other sessions in a client's request into proxies; :meth:`take` counts them.

        Raises:
            PermissionDenied: one belongs to a session of another principal, or there is none of that name.
            StaleHandle: its session is over.
            InvalidArgument: it is the target of the request, which belongs to the session of its own.
        """
        lent = self._admit(request.message)
        if lent:
            request.lent = lent
            request.places = _places(request.message.rows)
        target = request.row("target")
        if target is not None and target[0] == codes.FUNCTION:
            raise InvalidArgument("the object belongs to another session: ask for it there")

    def answered(self, message: Nodes) -> Nodes:
        """The same for what a client's function returned, which is counted at once."""
        try:
            self.take(self._admit(message))
        except ArcuateError as error:
            if self.hub is not None:
                self.hub.guard.refused(self._session.principal, "", error, None)
            return failed(messages.head(message)[1], error)
        return message

    def _admit(self, message: Nodes) -> list[Held]:
        lent: list[Held] = []

        def turn(at: int, row: Row) -> tuple[int, str, list[Row]] | None:
            if row[0] != codes.HANDLE or "/" not in row[7]:
                return None
            session, _, number = row[7].rpartition("/")
            if session == self._session.id:
                return codes.HANDLE, number, []
            owner = self._find(session)
            info = _info(message.rows, at) or _unknown(owner)
            lent.append(Held(owner, number, info))
            return codes.FUNCTION, row[7], info

        _turned(message, turn)
        return lent

    def _find(self, session: str) -> HubSession:
        hub, name = self.hub, self._session.principal.name
        assert hub is not None
        found = hub.find(session)
        if found is None and hub.was(session) == name:
            raise _gone()
        if found is None or found.principal.name != name:
            raise PermissionDenied("the handle belongs to a session of another principal")
        if found.closed:
            raise _gone()
        if not (self._session.resumable and found.resumable):
            raise Unsupported("a stateless call takes no handles; open a session")
        return found

    def take(self, lent: Iterable[Held]) -> None:
        """The interpreter gets these from now on."""
        for one in lent:
            self._hold(one.owner, one.id, one.info)
            one.owner.proxies.lend(one.id)

    def leave(self, message: Nodes) -> Nodes:
        """Turns proxies in a message of the interpreter into handles, for the client."""

        def turn(at: int, row: Row) -> tuple[int, str, list[Row]] | None:
            held = self.held.get(row[7])
            if row[0] != codes.FUNCTION or held is None:
                return None
            held.owner.proxies.lend(held.id)
            return codes.HANDLE, row[7], held.info

        _turned(message, turn)
        return message

    # --------------------------------------------------------- between two sessions

    def carry(self, message: Nodes, to: HubSession, begin: int = 0) -> None:
        """Makes a message of this interpreter one for the interpreter of another session.

        Args:
            message: the message.
            to: the other session.
            begin: the row at which the values begin.

        Raises:
            Unsupported: it holds a function of the client, which that session's client does not have.
        """
        rows, session = message.rows, self._session
        for at, row in enumerate(rows):
            if row[0] == codes.FUNCTION and row[7] not in self.held:
                raise Unsupported(
                    "a function of the caller cannot travel on to another session; pass it there yourself - "
                    f"at {row_path(rows, at)}"
                )

        def turn(at: int, row: Row) -> tuple[int, str, list[Row]] | None:
            if at < begin:
                return None
            if row[0] == codes.HANDLE:  # the interpreter has counted it
                text, info = f"{session.id}/{row[7]}", _info(rows, at)
                to.proxies._hold(session, row[7], info)
                return codes.FUNCTION, text, info
            held = self.held[row[7]]
            if held.owner is to:
                return codes.HANDLE, held.id, []
            to.proxies._hold(held.owner, held.id, held.info)
            held.owner.proxies.lend(held.id)
            return codes.FUNCTION, row[7], held.info

        _turned(message, turn)

    def discard(self, message: Nodes) -> None:
        """Takes back the objects in a message of the interpreter that nobody will get."""
        self.give_back(Counter(row[7] for row in message.rows if row[0] == codes.HANDLE))

    def undo(self, message: Nodes) -> None:
        """Takes back what was carried here in a message that the interpreter does not get."""
        self._take_off([row[7] for row in message.rows if row[0] == codes.FUNCTION])

    # ------------------------------------------------------------------- counting

    def _hold(self, owner: HubSession, number: str, info: list[Row]) -> None:
        with self._lock:
            held = self.held.setdefault(f"{owner.id}/{number}", Held(owner, number, info))
            held.count += 1
            held.info = held.info or info

    def lend(self, number: str) -> None:
        """Somebody has one more reference to an object of this session."""
        with self._lock:
            self.lent[number] += 1

    def give_back(self, numbers: Mapping[str, int]) -> None:
        """So many references to objects of this session are gone, whoever had them."""
        left: list[str] = []
        with self._lock:
            for number, times in numbers.items():
                mine = min(times, self.lent[number])
                self.lent[number] -= mine
                if not self.lent[number]:
                    del self.lent[number]
                left += [number] * (times - mine)
        if left and not self._over:
            self._session.release(read(messages.build("release", 0, {"handles": left})))

    def released(self, message: Nodes) -> Nodes | None:
        """What is left of a client's ``release`` for the interpreter itself; ``None``: nothing."""
        names = _texts(messages.fields(message).get("handles"))
        if not self.lent and not any("/" in name for name in names):
            return message
        left = []
        for name in names:
            session, _, number = name.rpartition("/")
            if session and session != self._session.id:
                try:
                    self._find(session).proxies.give_back({number: 1})
                except ArcuateError:
                    pass  # it is gone already, or was never ours
                continue
            with self._lock:
                own = self.lent[number] > 0
                self.lent[number] -= own
                if not self.lent[number]:
                    del self.lent[number]
            if not own:
                left.append(number)
        return messages.build("release", 0, {"handles": left}) if left else None

    def dropped(self, event: Mapping[str, Any]) -> bool:
        """The interpreter lets go of functions; says whether all of them are proxies.

        What it sends next may still name them: :meth:`settle` takes them off.
        """
        found = _texts(event.get("functions"))
        self._dropped += [name for name in found if name in self.held]
        return all(name in self.held for name in found)

    def settle(self) -> None:
        """Takes off what the interpreter let go of before its last answer."""
        if self._dropped:
            names, self._dropped = self._dropped, []
            self._take_off(names)

    def _take_off(self, names: list[str]) -> None:
        gone: list[tuple[Held, int]] = []
        with self._lock:
            for name in names:
                held = self.held.get(name)
                if held is None:
                    continue
                gone.append((held, 1))
                held.count -= 1
                if not held.count:
                    del self.held[name]
        _give_back(gone)

    def renew(self) -> None:
        """The interpreter is gone, and what it held and had begun."""
        self._session.delegation.reclaim()
        with self._lock:
            gone = [(held, held.count) for held in self.held.values()]
            self.held.clear()
            self._dropped.clear()
        _give_back(gone)

    # -------------------------------------------------------------------- errands

    def begin(self, errand: Errand) -> None:
        """Has the session's thread do an errand.

        Raises:
            StaleHandle: the session is over.
        """
        with self._lock:
            if self._over or self._session.closed:
                raise _gone()
            self._errands.add(errand)
        self._session.put(errand)

    def number(self) -> int:
        """An id for an errand of this session."""
        return _ABOVE - next(self._numbers)

    def ended(self, errand: Errand) -> None:
        """An errand is over."""
        with self._lock:
            self._errands.discard(errand)

    def failed(self, number: int, error: ArcuateError) -> None:
        """Code of a call met an error of another session; it may handle it."""
        self._failed = (number, error)

    def original(self, number: int, error: ArcuateError) -> ArcuateError:
        """The error of the other session that a call ended with, or the error itself."""
        found, self._failed = self._failed, None
        if found is None or found[0] != number or not isinstance(error, RemoteError):
            return error
        if not _told(found[1], error.message):
            return error
        found[1].executed = "yes"
        return found[1]

    def close(self) -> None:
        """The session is over: nothing is waited for any more, and what the interpreter held is released."""
        with self._lock:
            self._over = True
            errands = list(self._errands)
            self._errands.clear()
        for errand in errands:
            errand.fail(_gone())
        self.renew()


def references(message: Nodes) -> bool:
    """Whether a message has a handle of another session in it."""
    for row in message.rows:  # noqa: SIM110  any() takes twice as long, and every request comes by here
        if row[0] == codes.HANDLE and "/" in row[7]:
            return True
    return False


def failed(number: int, error: ArcuateError) -> Nodes:
    """The ``raise`` that answers a callback."""
    return messages.build("raise", number, _raised(error))


def _raised(error: ArcuateError) -> dict[str, Any]:
    """What an interpreter is told of an error, its class included."""
    found = to_mapping(error)
    found.setdefault("class", [type(error).__name__])
    return found


def _give_back(gone: Iterable[tuple[Held, int]]) -> None:
    """So many references are gone: each owner is told once."""
    owners: dict[HubSession, Counter[str]] = {}
    for held, times in gone:
        owners.setdefault(held.owner, Counter())[held.id] += times
    for owner, numbers in owners.items():
        owner.proxies.give_back(numbers)


def _told(error: ArcuateError, message: str) -> bool:
    """Whether a message is that of an error as interpreters repeat it: as it is, or behind its class.

    More than that is another error, which mentions this one. An empty message tells nothing.
    """
    said, text = message.rstrip(), error.message.rstrip()
    if not text:
        return False
    return said == text or any(said == f"{name}: {text}" for name in _raised(error)["class"])


def _texts(value: Any) -> list[str]:
    """A field that is a list of texts."""
    if isinstance(value, (list, tuple)):
        return [str(one) for one in value]
    return [] if value is None else [str(value)]


def _gone() -> StaleHandle:
    return StaleHandle("the object lived in a session that is over; make it again in another")


def _unknown(owner: HubSession) -> list[Row]:
    """What is known of an object of which nothing was said."""
    language = owner.transport.greeting.language
    return [
        (codes.MAPPING, 0, 0, 0, 1, 0, "info", ""),
        (codes.TEXT, 0, 0, 0, 0, 0, "language", language),
    ]


def _end(rows: list[Row], at: int) -> int:
    """The row behind a value."""
    below = 1
    while below:
        row = rows[at]
        below += (0 if row[0] == codes.ARRAY else row[4]) - 1
        at += 1
    return at


def _places(rows: list[Row]) -> dict[str, int]:
    """Where the fields of a message are."""
    found, at = {}, 1
    for _ in range(rows[0][4]):
        found[rows[at][6]] = at
        at = _end(rows, at)
    return {key: place for key, place in found.items() if key not in ("op", "id")}


def _info(rows: list[Row], at: int) -> list[Row]:
    """What a reference says of its object, where it is simple enough to be repeated."""
    if not rows[at][4]:
        return []
    found = rows[at + 1 : _end(rows, at)]
    simple = all(row[0] in _PLAIN and not row[2] & codes.LIST_SHAPED for row in found)
    return found if simple and found[0][0] == codes.MAPPING and found[0][4] else []


def _turned(message: Nodes, turn: _Turn) -> None:
    """Changes the references in a message. A function that stands for an object says so in its info."""
    rows, out, at = message.rows, [], 0
    while at < len(rows):
        row = rows[at]
        new = turn(at, row) if row[0] in (codes.HANDLE, codes.FUNCTION) else None
        at += 1
        if new is None:
            out.append(row)
            continue
        kind, text, info = new
        given = bool(row[4])
        if given:
            said = rows[at : _end(rows, at)]
            at += len(said)
            info = said if said[0][4] else info
        if info and kind == codes.FUNCTION and info[0][0] == codes.MAPPING:
            info = _marked(info)
        if kind == codes.HANDLE and not info:
            info = [NOTHING_KNOWN]
        out.append((kind, 0, 0, 0, int(bool(info)), 0, row[6], text))
        out += info
    message.rows = out


def _marked(info: list[Row]) -> list[Row]:
    head, at = info[0], 1
    while at < len(info):
        if info[at][6] == "foreign":
            return info
        at = _end(info, at)
    return [(*head[:4], head[4] + 1, *head[5:]), _FOREIGN, *info[1:]]
