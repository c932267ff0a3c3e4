"""The settings of a session: arguments, or environment variables that begin with ``OCT2PY_``."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Oct2PySettings"]


class Oct2PySettings(BaseSettings):
    """What an :class:`~arcuate.compat.oct2py.Oct2Py` takes where its own arguments say nothing.

    Attributes:
        executable: the program Octave, with arguments of its own where it needs some
            (``"xvfb-run octave"``); also from ``OCTAVE_EXECUTABLE`` and ``OCTAVE``.
        timeout: seconds that a call may take.
        oned_as: ``"row"`` or ``"column"``: what a one-dimensional array becomes.
        temp_dir: folder for figures and for other files of the session.
        convert_to_float: integers are sent as double.
        backend: the graphics toolkit, or ``"default"``, ``"inline"`` or ``"disable"`` (no figures).
        keep_matlab_shapes: a scalar comes back as an array of 1 by 1, and so on.
        auto_show: figures are shown with matplotlib after each call.
        plot_format: ``"svg"``, ``"png"`` or another format that Octave can print.
        plot_name: how the names of the files of figures begin.
        plot_width: width of a figure in pixels.
        plot_height: height of a figure in pixels.
        plot_res: pixels per inch of a figure.
        extra_cli_options: further options on Octave's command line.
        load_octaverc: the file ``~/.octaverc`` is read at the start.
        ramdisk_size_mb: accepted and without effect: values do not pass through files here.
    """

    model_config = SettingsConfigDict(env_prefix="OCT2PY_", populate_by_name=True)

    executable: str | None = Field(default=None, validation_alias=AliasChoices("OCTAVE_EXECUTABLE", "OCTAVE"))
    timeout: float | None = None
    oned_as: str = "row"
    temp_dir: str | None = None
    convert_to_float: bool = True
    backend: str = "default"
    keep_matlab_shapes: bool = False
    auto_show: bool | None = None
    plot_format: str = "svg"
    plot_name: str = "plot"
    plot_width: int | None = None
    plot_height: int | None = None
    plot_res: int | None = None
    extra_cli_options: str = ""
    load_octaverc: bool = True
    ramdisk_size_mb: int = 0
