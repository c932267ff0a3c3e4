"""The commands about m-files: ``arcuate mcheck`` and ``arcuate wrap``."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["mcheck", "wrap"]

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The folder with the m-files.")]
Path = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        metavar="DIR",
        help="A further folder of the load path, as DIR/** with all below; repeatable.",
    ),
]


def mcheck(
    folder: Folder,
    path: Path = None,
    package: Annotated[
        list[str] | None,
        typer.Option("--package", metavar="NAME", help="An Octave package that will be loaded; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="DIR", help="A folder in DIR to leave out, as tests; repeatable."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    notes: Annotated[
        bool, typer.Option("--notes", help="Show also what the code itself provides for.")
    ] = False,
) -> None:
    """Say what in a folder of m-files Octave cannot run; nothing is run. Exit status 1 if there is something.

    Parse errors with line and column, functions that are missing and the package that has them, and what
    only MATLAB understands: [bold]arcuate mcheck toolbox[/]
    """
    from arcuate.cli.mcheck import examine

    status = examine(
        folder,
        path=path or [],
        packages=package or [],
        exclude=exclude or [],
        as_json=json,
        notes=notes,
    )
    raise typer.Exit(status)


def wrap(
    folder: Folder,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="PKG", help="The Python package to write, a folder.")
    ],
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="DIR", help="A folder in DIR to leave out, as tests; repeatable."),
    ] = None,
) -> None:
    """Write a typed Python package with a function for each m-file: [bold]arcuate wrap toolbox --out tools[/]

    Signatures and docstrings are those of the m-files; packages (+name) become modules.
    """
    from arcuate.cli.wrapping import write_package

    write_package(folder, out, exclude or [])
