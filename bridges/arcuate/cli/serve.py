"""``arcuate serve``: runs a hub until a signal ends it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arcuate.errors import ArcuateError, InvalidArgument

__all__ = ["arguments", "serve"]

_HURRY_SECONDS = 3.0
"""After a second signal the process ends within so many seconds, whatever hangs."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def arguments(given: Mapping[str, Any], more: list[str]) -> dict[str, Any]:
    """What the command line says, as tables of the configuration.

    Args:
        given: keys with dots and their values; ``None``, ``False`` and empty lists were not given.
        more: further ones, as ``key=value``; the value is TOML, or a text.

    Raises:
        InvalidArgument: one of them has no value.
    """
    found: dict[str, Any] = {}
    rows = [(key, value) for key, value in given.items() if value not in (None, False, [])]
    for text in more:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InvalidArgument(f"{text!r} is no setting; write --set limits.sessions=10")
        rows.append((key.strip(), _value(value.strip())))
    for key, value in rows:
        *tables, last = key.split(".")
        table = found
        for one in tables:
            table = table.setdefault(one, {})
        table[last] = value
    return found


def _value(text: str) -> Any:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def serve(settings: Mapping[str, Any], config: Path | None, ready_file: Path | None) -> int:
    """Runs a hub. Returns the exit status.

    Args:
        settings: what the command line says, as tables.
        config: the file that it names.
        ready_file: where to write the endpoints when calls are answered.
    """
    try:
        from arcuate.hub.logs import configure
        from arcuate.hub.server import Server
        from arcuate.hub.settings import load
    except ImportError as error:
        raise InvalidArgument(
            f"arcuate serve needs a library that is not installed ({error}); type: pip install 'arcuate[hub]'"
        ) from None
    loaded = load(settings, config)
    configure(loaded.config.log)
    notify = _Notify()
    with _signals() as arrived:
        server = Server(loaded.config, reread=lambda: load(settings, config).config)
        try:
            server.start()
            for text in server.skipped.values():
                print(f"skipped: {text}", file=sys.stderr)
            for endpoint in server.all_endpoints:
                print(endpoint, flush=True)
            if ready_file is not None:
                _write(ready_file, server.ready)
            notify("READY=1")
            while (number := _next(arrived)) == signal.SIGHUP:
                notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
                try:
                    server.reload()
                    configure(server.config.log)
                except ArcuateError as error:
                    print(f"not reloaded: {error}", file=sys.stderr, flush=True)
                notify("READY=1")
            notify("STOPPING=1")
            print(
                f"{signal.Signals(number).name}: draining; once more to end at once",
                file=sys.stderr,
                flush=True,
            )
            return _end(server, arrived)
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
            server.stop(0.0)


def _end(server: Any, arrived: int) -> int:
    """Stops the server while signals are still heard; the exit status."""
    read, write = os.pipe()

    def stop() -> None:
        try:
            server.stop()
        finally:
            os.close(write)

    ending = threading.Thread(target=stop, name="arcuate-stop")
    ending.start()
    import select

    hurried = False
    while True:
        ready, _, _ = select.select([read, arrived], [], [], _HURRY_SECONDS if hurried else None)
        if read in ready:
            ending.join()
            os.close(read)
            return 1 if hurried else 0
        if not ready or (hurried and _next(arrived) != signal.SIGHUP):
            os._exit(1)  # workers die with this process
        if not hurried and _next(arrived) != signal.SIGHUP:
            hurried = True
            server.hurry()


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A descriptor from which the numbers of signals can be read, one byte each.

    A handler that sets an event could go unnoticed when the signal comes just before the wait begins.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    old = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(old)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _next(arrived: int) -> int:
    while True:
        number = os.read(arrived, 1)[0]
        if number in _SIGNALS:
            return number


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Writes a file so that nobody ever reads half of it."""
    file = file.expanduser().absolute()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(content, out)
            out.write("\n")
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Notify:
    """Tells systemd how it goes, where it asked for that (``Type=notify``)."""

    def __init__(self) -> None:
        self._path = os.environ.pop("NOTIFY_SOCKET", "")  # not for the workers

    def __call__(self, state: str) -> None:
        if not self._path:
            return
        where = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state.encode(), where)
