"""MATLAB behind the Engine API: bytes in, bytes out."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from arcuate.errors import ConnectionLost, EnvironmentNotFound
from arcuate.matlab.pipes import Pipes

__all__ = ["Ended", "Interrupted", "Link"]

_FOLDER = str(Path(__file__).with_name("m"))
_SLICE = 0.05
"""Seconds of one wait for MATLAB; a Ctrl-C is noticed after so long at the latest."""
_QUICK = 0.002
"""The same where a function of the caller may be called."""
_STOPPING = 10.0
"""Seconds in which a cancelled call must end."""


class Interrupted(Exception):
    """The call was interrupted."""


class Ended(Exception):
    """MATLAB is gone."""


class _Stream(io.StringIO):
    """What MATLAB prints, passed on as it comes where the engine writes piece by piece."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take

    def write(self, text: str) -> int:
        self._take(text)
        return len(text)

    def rest(self) -> None:
        """What an engine has put into the buffer itself."""
        text = self.getvalue()
        if text:
            self._take(text)


class Link:
    """An engine.

    Args:
        module: the name of the Engine API's module.
        session: name of a shared MATLAB, or ``""`` for a new one.
        start: options of a new one.

    Attributes:
        interrupted: set by the signal handler; ends the running call.
        pipes: the way of callbacks, or ``None``.

    Raises:
        EnvironmentNotFound: there is no Engine API, no MATLAB, no licence, no such session.
    """

    def __init__(self, module: str, session: str, start: str) -> None:
        self.interrupted = False
        self.pipes: Pipes | None = None
        self._shared = bool(session)
        self._running: list[Any] = []
        try:
            self._api: Any = importlib.import_module(module)
            self._arrays: Any = importlib.import_module(module.rpartition(".")[0])
        except Exception as error:
            raise EnvironmentNotFound(
                f"{module} cannot be imported: {error}; `arcuate doctor` says which matlabengine fits"
            ) from None
        try:
            if session:
                self._engine: Any = self._attach(session)
            else:
                self._engine = self._api.start_matlab(start)
        except EnvironmentNotFound:
            raise
        except Exception as error:
            raise EnvironmentNotFound(
                f"MATLAB cannot be {'reached' if session else 'started'}: {error}; check the licence with "
                "`matlab -batch ver`"
            ) from None

    def _attach(self, session: str) -> Any:
        names = tuple(self._api.find_matlab())
        if session not in names:
            there = ", ".join(names) or "none"
            raise EnvironmentNotFound(
                f"there is no shared MATLAB named {session!r} (shared: {there}); type "
                f"matlab.engine.shareEngine('{session}') in it"
            )
        return self._api.connect_matlab(session)

    def greet(
        self,
        *,
        prefix: str,
        threshold: int,
        generation: int,
        figures: str,
        path: Iterable[str],
        pipes: Pipes | None,
    ) -> dict[str, Any]:
        """Puts the worker's package on MATLAB's path and begins the session; what MATLAB says of itself."""
        self.pipes = pipes
        ends = ("", "") if pipes is None else (pipes.calls, pipes.answers)
        engine = self._engine
        for folder in (*reversed(list(path)), _FOLDER):
            engine.addpath(folder, nargout=0)
        if self._shared:
            self._refuse_second()
        else:
            engine.cd(os.getcwd(), nargout=0)
        found = engine.feval(
            "arcuate.hello", prefix, float(threshold), float(generation), figures, *ends, nargout=1
        )
        return dict(found)

    def _refuse_second(self) -> None:
        """A MATLAB knows one session of Arcuate at a time: its pipes and shared memory.

        Raises:
            EnvironmentNotFound: another session uses it.
        """
        pipe = str(self._engine.feval("arcuate.state", "calls", nargout=1) or "")
        try:
            fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK) if pipe else -1
        except OSError:
            return  # its owner is gone
        if fd >= 0:
            os.close(fd)
            raise EnvironmentNotFound(
                "this shared MATLAB is in use by another session of Arcuate; close that one first"
            )

    # ----------------------------------------------------------------- calls

    def call(
        self,
        name: str,
        count: int,
        frame: bytes | bytearray,
        turn: Callable[[], None],
        output: Callable[[int, str], None],
    ) -> tuple[bytes, list[int], bytes]:
        """Calls ``arcuate.serve`` or the like: a reply, sizes of its large buffers, events.

        Args:
            name: the function.
            count: how many values it gives.
            frame: its argument.
            turn: called again and again while MATLAB works.
            output: takes what is printed: descriptor and text.

        Raises:
            Interrupted: the call was interrupted.
            Ended: MATLAB is gone.
        """
        out = _Stream(lambda text: output(1, text))
        err = _Stream(lambda text: output(2, text))
        try:
            future = self._engine.feval(
                name, self._arrays.uint8(frame), nargout=count, background=True, stdout=out, stderr=err
            )
            reply, sizes, events = self._await(future, turn)
        except (Interrupted, Ended, EOFError):
            raise
        except Exception as error:
            raise self._told(error) from None
        finally:
            out.rest()
            err.rest()
        return _bytes(reply), [int(size) for size in _numbers(sizes)], _bytes(events)

    def _await(self, future: Any, turn: Callable[[], None]) -> Any:
        step = _SLICE if self.pipes is None else _QUICK
        self._running.append(future)
        try:
            while True:
                try:
                    return future.result(timeout=step)
                except self._api.TimeoutError:
                    step = min(step * 1.5, _SLICE)
                if self.interrupted:
                    self.stop()
                    raise Interrupted("the call was interrupted")
                turn()
        finally:
            self._running.pop()

    def stop(self) -> None:
        """Has MATLAB leave what it does, wholly; it is not asked anything else before it has."""
        future = self._running[-1]
        future.cancel()
        try:
            future.result(timeout=_STOPPING)
        except self._api.TimeoutError:
            raise Ended("it does not react to an interrupt") from None
        except Exception as error:
            told = self._told(error)
            if isinstance(told, Ended):
                raise told from None

    def _told(self, error: Exception) -> Exception:
        """What an error of the engine means; those of the user's code arrive as replies."""
        name = type(error).__name__
        if isinstance(error, self._api.RejectedExecutionError) or name in ("EngineError", "SystemError"):
            return Ended(str(error))
        if name in ("CancelledError", "InterruptedError"):
            return Interrupted(str(error))
        return error

    def place(self, refs: list[int]) -> bytes:
        """Has MATLAB write the large buffers of the last reply to their places; the reply."""
        try:
            numbers = self._arrays.double([float(ref) for ref in refs])
            return _bytes(self._engine.feval("arcuate.place", numbers, nargout=1))
        except Exception as error:
            raise self._told(error) from None

    def check(self) -> None:
        """Looks whether what is awaited from MATLAB can still come.

        Raises:
            Interrupted: the call was interrupted.
            Ended: MATLAB has ended, or left the call, while something was awaited from it.
        """
        if self.interrupted:
            raise Interrupted("the call was interrupted")
        if self._running and self._running[-1].done():
            try:
                self._running[-1].result()
            except Exception as error:
                told = self._told(error)
                raise told if isinstance(told, (Ended, Interrupted)) else Ended(str(error)) from None

    # ------------------------------------------------------------------- end

    def close(self) -> None:
        """Ends a MATLAB that was started here; leaves a shared one."""
        try:
            if self._shared:
                self._engine.feval("arcuate.leave", nargout=0)
                self._engine.rmpath(_FOLDER, nargout=0)
            self._engine.quit()
        except Exception as error:
            raise ConnectionLost(f"MATLAB could not be ended: {error}") from None
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Removes the pipes."""
        if self.pipes is not None:
            self.pipes.close()


def _bytes(value: Any) -> bytes:
    """The elements of a row of uint8."""
    return bytes([value]) if isinstance(value, int) else _raw(value)


def _numbers(value: Any) -> list[float]:
    """The elements of a row of doubles."""
    if isinstance(value, (int, float)):
        return [value]
    data = _raw(value)
    return list(memoryview(data).cast("d")) if data else []


def _raw(value: Any) -> bytes:
    """The bytes of an array of the Engine API. All here are rows, so the order is the same either way."""
    try:
        view = memoryview(value)
    except TypeError:  # before R2022a
        view = memoryview(value._data)
    return view.tobytes(order="F")
