"""Code of Octave in IPython and Jupyter: ``%octave``, ``%%octave``, ``%octave_push``, ``%octave_pull``.

::

    %load_ext arcuate.compat.oct2py
    %octave_push X
    %octave mean(X)
    %%octave -i X -o Z -s 400,300 -f png
    Z = X + 1;
    plot(Z)
"""

# IPython's decorators of magics have no types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, needs_local_scope
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display
from traitlets import Unicode, observe

from arcuate.compat import oct2py

__all__ = ["OctaveMagics", "load_ipython_extension"]


@magics_class
class OctaveMagics(Magics):
    """The magics; they share the session ``octave`` of the module.

    Attributes:
        executable: the program Octave; setting it starts another session, with that one.
    """

    executable = Unicode("", help="The program Octave.").tag(config=True)

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._shell: Any = shell
        self._oct: Any = oct2py.octave
        self._display: Any = display

    @observe("executable")
    def _executable_changed(self, change: Any) -> None:
        os.environ["OCTAVE_EXECUTABLE"] = change["new"]
        self._oct = oct2py.Oct2Py()

    @line_magic
    def octave_push(self, line: str) -> None:
        """Sets variables of Octave: ``%octave_push X Y``."""
        for name in line.split():
            self._oct.push(name, self._shell.user_ns[name])

    @line_magic
    def octave_pull(self, line: str) -> None:
        """Fetches variables from Octave: ``%octave_pull X Y``."""
        for name in line.split():
            self._shell.push({name: self._oct.pull(name)})

    @magic_arguments()
    @argument("-i", "--input", action="append", help="Variables to set before, separated by commas.")
    @argument("-o", "--output", action="append", help="Variables to fetch afterwards, separated by commas.")
    @argument("-s", "--size", help='Size of figures in pixels, "width,height".')
    @argument("-f", "--format", help="Format of figures: png, svg or jpg.")
    @argument("-w", "--width", type=int, help="Width of figures in pixels.")
    @argument("-h", "--height", type=int, help="Height of figures in pixels.")
    @argument("-r", "--resolution", type=int, help="Pixels per inch of figures.")
    @argument("-t", "--temp_dir", help="Folder for files of the session.")
    @argument("code", nargs="*")
    @needs_local_scope
    @line_cell_magic
    def octave(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Runs code of Octave. A line returns its value, a cell shows what it prints and draws."""
        args = parse_argstring(self.octave, line)
        code = " ".join(args.code) if cell is None else "\n".join([" ".join(args.code), cell])
        local = local_ns or {}
        for name in _names(args.input):
            self._oct.push(name, local[name] if name in local else self._shell.user_ns[name])
        width, height = args.width, args.height
        if args.size is not None:
            width, height = (int(part) for part in args.size.split(","))
        given = args.temp_dir
        temp_dir = given if given and os.path.isdir(given) else self._oct.settings.temp_dir
        plot_dir = os.path.join(temp_dir, "plots")
        shutil.rmtree(plot_dir, ignore_errors=True)
        os.makedirs(plot_dir)
        value = self._oct.eval(
            code,
            stream_handler=self._publish,
            temp_dir=temp_dir,
            plot_dir=plot_dir,
            plot_format=args.format,
            plot_width=width,
            plot_height=height,
            plot_res=args.resolution,
        )
        for name in _names(args.output):
            self._shell.push({name: self._oct.pull(name)})
        for figure in self._oct.extract_figures(plot_dir, True):
            self._display(figure)
        return value if cell is None else None

    def _publish(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _names(given: list[str] | None) -> list[str]:
    return [name for group in given or () for name in ",".join(group.split()).split(",") if name]


def load_ipython_extension(ip: Any) -> None:
    """Loads the magics."""
    ip.register_magics(OctaveMagics(ip))
