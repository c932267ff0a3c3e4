"""``connect``: finds an environment and opens a session with it."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from arcuate.announced import announced
from arcuate.client.events import OnEvent, OnOutput
from arcuate.client.session import Session
from arcuate.client.transport import Transport
from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.values.limits import Limits

__all__ = ["GROUP", "connect", "environments", "offered", "open_session"]

Kind = TypeVar("Kind", bound=Session)

GROUP = "arcuate.environments"
"""The entry-point group in which environments are announced."""

_HINTS = {
    "r": "R is reached through the extra arcuate[r]: pip install 'arcuate[r]'",
    "octave": "the Octave environment comes with Arcuate; reinstall it",
    "matlab": "the MATLAB environment comes with Arcuate; reinstall it",
    "julia": "there is no Julia environment yet; CONTRIBUTING.md says how to add one",
}
_open: weakref.WeakSet[Session] = weakref.WeakSet()


class _Adapter(Protocol):
    def __call__(self, **options: Any) -> Any: ...


def environments() -> dict[str, Any]:
    """The installed environments: name and entry point, from the group ``arcuate.environments``.

    Of two with the same name the one that stands first on ``sys.path`` counts, as for modules.
    """
    found: dict[str, Any] = {}
    for point in announced(GROUP):
        found.setdefault(point.name, point)
    return found


def connect(
    target: str,
    *,
    strict: bool = False,
    simplify: bool = True,
    on_output: OnOutput | None = None,
    on_event: OnEvent | None = None,
    timeout: float | None = None,
    grace: float = 3.0,
    limits: Limits | None = None,
    **options: Any,
) -> Session:
    """Opens a session with an environment, on this machine or in a hub.

    Args:
        target: ``"python"``, ``"r"``, ``"octave"`` or any installed environment; or the address of a hub and
            the name of an environment there: ``"grpc://host:50051/r"``, ``"grpcs://..."``, ``"zmq://host:5555/r"``,
            ``"zmq+ipc:///path/of/socket/r"``, ``"http://host:8080/r"``, ``"https://..."``; or
            ``"hub:///r"``, an environment of the hub that runs this very code.
        strict: a declared change of a value on its way is an error.
        simplify: results of one element come back as Python scalars; ``False`` leaves them arrays.
        on_output: receives what calls print, as (``"stdout"`` or ``"stderr"``, text), instead of
            ``sys.stdout`` and ``sys.stderr``.
        on_event: receives every other event: warnings, messages, figures, progress; one for which it returns
            ``True`` is not delivered further, so that such a warning is not a Python warning too.
        timeout: seconds that a call may take unless it says otherwise.
        grace: seconds that an interrupted interpreter has to stop before it is killed.
        limits: what the session accepts and sends.
        options: the environment's own: ``home``, ``lib``, ``env``, ``cwd`` (R), ``path`` (Octave),
            ``executable`` (Python), ...; with an address also ``token``, ``tls``, ``curve``, and ``start``,
            the seconds that connecting and opening may take.

    Raises:
        EnvironmentNotFound: there is no such environment here; the message says how to install it.
        InvalidArgument: an option that the environment does not know.
        ConnectionLost: no hub answers at the address.
        AuthenticationFailed: the hub does not know who we are.
    """
    return open_session(
        Session,
        target,
        strict=strict,
        simplify=simplify,
        on_output=on_output,
        on_event=on_event,
        timeout=timeout,
        grace=grace,
        limits=limits,
        **options,
    )


def offered(hub: str, *, limits: Limits | None = None, **security: Any) -> list[dict[str, Any]]:
    """The environments of a hub that we may use: ``name``, ``language``, ``doc``, ``options``, ``eval``.

    Args:
        hub: its address, without the name of an environment: ``"grpc://host:50051"``.
        limits: what is accepted.
        security: ``token``, ``tls``, ``curve``, as for :func:`connect`.

    Raises:
        ConnectionLost: no hub answers at the address.
        AuthenticationFailed: the hub does not know who we are.
    """
    from arcuate.client.net.reach import Reach
    from arcuate.client.net.target import Target, open_link

    whole = hub.startswith("zmq+ipc://") and not hub.endswith("/")
    where = Target.parse(hub + "/" if whole else hub)
    if where.path:
        raise InvalidArgument(f"the environments of a hub are asked for by its address alone, not by {hub!r}")
    unknown = sorted(set(security) - {"token", "tls", "curve"})
    if unknown:
        raise InvalidArgument(f"{unknown[0]!r} is no option here; there are token, tls and curve")
    reach = Reach(
        open_link(where, limits or Limits(), **{"token": None, **security}), security.get("token"), 0.0
    )
    reach.connect()
    try:
        return [dict(one) for one in reach.ask("environments", {})]
    finally:
        reach.close()


def open_session(
    cls: Callable[..., Kind],
    target: str,
    *,
    timeout: float | None = None,
    grace: float = 3.0,
    limits: Limits | None = None,
    strict: bool = False,
    simplify: bool = True,
    on_output: OnOutput | None = None,
    on_event: OnEvent | None = None,
    **options: Any,
) -> Kind:
    """Opens a session of a class; otherwise as :func:`connect`."""
    if grace <= 0:
        raise InvalidArgument(f"grace must be positive, not {grace!r}")
    if "://" in target:
        transport = _open_remote(target, limits or Limits(), grace, options)
    else:
        transport = _open_local(target, limits or Limits(), grace, options)
    session = cls(
        transport,
        name=target,
        strict=strict,
        simplify=simplify,
        on_output=on_output,
        on_event=on_event,
        timeout=timeout,
        depth=(limits or Limits()).depth,
    )
    _open.add(session)
    return session


def _open_local(target: str, limits: Limits, grace: float, options: dict[str, Any]) -> Transport:
    """A worker on this machine."""
    point = environments().get(target)
    if point is None:
        known = ", ".join(sorted(environments())) or "none"
        hint = _HINTS.get(
            target.lower(), "a package that adds it announces it in the group arcuate.environments"
        )
        raise EnvironmentNotFound(f"no environment {target!r} is installed; there are: {known}. {hint}")
    try:
        adapter: _Adapter = point.load()
    except (ImportError, AttributeError) as error:
        hint = _HINTS.get(target.lower(), f"reinstall the package that announces {point.value!r}")
        raise EnvironmentNotFound(
            f"the environment {target!r} is installed, but cannot be loaded: {error}. {hint}"
        ) from error
    transport: Transport = adapter(**options).open(limits, grace)  # the client layer knows no adapter
    return transport


def _open_remote(target: str, limits: Limits, grace: float, options: dict[str, Any]) -> Transport:
    """A session in a hub."""
    from arcuate.client.net.bus import BusTransport
    from arcuate.client.net.target import Target, inside, open_link

    address, token = inside(target, options.pop("token", None))
    where = Target.parse(address)
    if not where.path:
        example = "hub:///r" if target.startswith("hub:") else target.rstrip("/") + "/r"
        raise InvalidArgument(f"{target!r} names no environment; write {example}, for example")
    start = options.pop("start", 60.0)
    security = {name: options.pop(name) for name in ("tls", "curve") if name in options}
    link = open_link(where, limits, token=token, **security)
    return BusTransport(link, where.path, options, token=token, grace=grace, start=start)


def _close_all() -> None:
    for session in list(_open):
        session.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)
