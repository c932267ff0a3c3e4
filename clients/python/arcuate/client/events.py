"""What happens while a call runs:

output, warnings, figures and progress, delivered where the user wants them.
"""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arcuate.values.record import record

__all__ = ["Display", "Events", "RemoteWarning"]

OnOutput = Callable[[str, str], object]
OnEvent = Callable[[Mapping[str, Any]], object]


class RemoteWarning(UserWarning):
    """A warning that the foreign code gave.

    Attributes:
        classes: its condition classes or identifier there.
    """

    def __init__(self, message: str, classes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.classes = classes


@record(frozen=True)
class Display:
    """A figure that a call drew.

    Attributes:
        mime: ``image/png`` or ``image/svg+xml``.
        data: the file's bytes.
    """

    mime: str
    data: bytes

    def save(self, path: str) -> None:
        """Writes the file."""
        with open(path, "wb") as file:
            file.write(self.data)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {self.mime: self.data.decode() if self.mime.endswith("xml") else self.data}


class Events:
    """Delivers the events of a session.

    Args:
        on_output: called with (``"stdout"`` or ``"stderr"``, text) instead of writing to ``sys.stdout`` and
            ``sys.stderr``.
        on_event: called with every other event, before it is delivered; where it returns ``True``, the event
            is not delivered further.

    Attributes:
        displays: the last figures.
        released: told of functions that the interpreter no longer has.
    """

    def __init__(self, on_output: OnOutput | None, on_event: OnEvent | None) -> None:
        self.on_output = on_output
        self.on_event = on_event
        self.displays: deque[Display] = deque(maxlen=64)
        self.trouble: BaseException | None = None
        self.released: Callable[[Sequence[str]], None] | None = None

    def deliver(self, event: Mapping[str, Any], on_output: OnOutput | None = None) -> None:
        """Delivers one event.

        An exception of the receiver is kept in :attr:`trouble`, so that it cannot break the channel, and
        raised after the call.
        """
        try:
            self._deliver(event, on_output or self.on_output)
        except BaseException as error:  # raised by Session when the channel is in order
            if self.trouble is None:
                self.trouble = error

    def _deliver(self, event: Mapping[str, Any], on_output: OnOutput | None) -> None:
        kind = event.get("type")
        text = str(event.get("text", ""))
        if kind in ("stdout", "stderr"):
            if on_output is not None:
                on_output(kind, text)
                return
            stream = sys.stdout if kind == "stdout" else sys.stderr
            if stream is not None:
                stream.write(text)
                stream.flush()
            return
        if kind == "released":
            if self.released is not None:
                names = event.get("functions") or ()
                self.released((names,) if isinstance(names, str) else names)
            return
        if self.on_event is not None and self.on_event(event) is True:
            return
        if kind == "warning":
            classes = event.get("class") or ()
            names = (classes,) if isinstance(classes, str) else tuple(str(item) for item in classes)
            warnings.warn(RemoteWarning(text.rstrip("\n"), names), stacklevel=_of_the_user())
        elif kind == "message":
            line = text if text.endswith("\n") else text + "\n"
            if on_output is not None:
                on_output("stderr", line)
            elif sys.stderr is not None:
                sys.stderr.write(line)
                sys.stderr.flush()
        elif kind == "display":
            display = Display(str(event.get("mime", "")), bytes(event.get("data", b"")))
            self.displays.append(display)
            _show(display)


def _of_the_user() -> int:
    """Where a warning belongs: how far up is the first line that is not Arcuate's own.

    Python shows a text once for each line that warns: with a line of Arcuate's, once in a program.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("arcuate."):
        level, frame = level + 1, frame.f_back
    return level


def _show(display: Display) -> None:
    """Shows a figure in a notebook, where there is one."""
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        from IPython.display import display as show  # type: ignore[import-not-found,unused-ignore]

        show(display)  # type: ignore[no-untyped-call,unused-ignore]
