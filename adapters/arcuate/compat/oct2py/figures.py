"""The figures of a session: saved, fetched, shown."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcuate.compat.oct2py.output import discard
from arcuate.compat.oct2py.settings import Oct2PySettings

__all__ = ["Figures"]


class Figures:
    """The part of :class:`~arcuate.compat.oct2py.Oct2Py` that has to do with figures."""

    _engine: Any
    _settings: Oct2PySettings

    if TYPE_CHECKING:

        def _open(self) -> Any: ...

        def _guard(self, action: Callable[[], Any]) -> Any: ...

    def extract_figures(self, plot_dir: str, remove: bool = False) -> list[Any]:
        """The figures in a folder as objects that IPython displays.

        Args:
            plot_dir: the folder that was the ``plot_dir`` of a call.
            remove: the folder is removed.
        """
        found: list[Any] = self._open().extract_figures(plot_dir, remove)
        return found

    def show(self) -> None:
        """Shows the open figures with matplotlib."""
        self._show_figures()

    def _show_figures(self, changed: bool = False) -> None:
        engine = self._engine
        if engine is None or self._settings.backend == "disable":
            return
        engine.plot_settings = {"format": "png", "name": "show"}
        folder = tempfile.mkdtemp(dir=engine.tmp_dir)
        try:
            files = self._guard(lambda: engine.make_figures(folder, changed=changed))
            if not files:
                return
            import matplotlib.pyplot as plt

            for file in files:
                axes = plt.figure().add_axes((0.0, 0.0, 1.0, 1.0))
                axes.imshow(plt.imread(file))
                axes.axis("off")
            plt.show()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _plot_settings(self, given: dict[str, Any]) -> None:
        engine, settings = self._open(), self._settings
        engine.plot_settings = {
            "backend": given.get("plot_backend") or settings.backend,
            "name": given.get("plot_name") or settings.plot_name,
            "format": given.get("plot_format") or settings.plot_format,
            "width": given.get("plot_width") or settings.plot_width,
            "height": given.get("plot_height") or settings.plot_height,
            "resolution": given.get("plot_res") or settings.plot_res,
        }
        self._toolkit(engine, given.get("plot_backend"))

    def _toolkit(self, engine: Any, name: str | None) -> None:
        """Chooses the graphics toolkit of figures that are made from now on."""
        if name not in (None, "default", "inline", "disable"):
            self._guard(lambda: engine.call("graphics_toolkit", (name,), 0, None, discard))
