"""Octave's own parser, asked about many files by one process."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from arcuate.errors import EnvironmentNotFound, InvalidArgument
from arcuate.octave.mfiles.classes import Copy, copies
from arcuate.octave.mfiles.source import MFile

__all__ = ["Parsed", "Problem", "ask"]

CODE = Path(__file__).parent / "m"
_NEAR = re.compile(r"(?:parse error )?near line (\d+)(?:, column (\d+))?[^\n]*\n*", re.DOTALL)
_CARET = re.compile(r"\n>>> ([^\n]*)\n( *)\^")


@dataclass(frozen=True)
class Problem:
    """What Octave said of a file.

    Attributes:
        file: its place in the list that was asked about.
        text: the message, one line.
        line: counted from 1; 0 where Octave does not tell.
        column: counted from 1; 0 where Octave does not tell.
        error: whether it cannot be run at all; otherwise a warning.
    """

    file: int
    text: str
    line: int
    column: int
    error: bool


@dataclass
class Parsed:
    """The answers.

    Attributes:
        version: of Octave.
        problems: in the order of the files.
        known: those of the names that Octave or a loaded package has.
        installed: packages that are installed, with their versions.
        unimplemented: the file in which Octave lists what it lacks, or ``""``.
    """

    version: str = ""
    problems: list[Problem] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    installed: dict[str, str] = field(default_factory=dict)
    unimplemented: str = ""


def ask(
    program: str,
    files: Sequence[MFile],
    names: Sequence[str],
    packages: Sequence[str],
    others: Sequence[MFile] = (),
    timeout: float = 600.0,
) -> Parsed:
    """Asks Octave. Nothing that the files hold is run.

    Args:
        program: path of ``octave-cli``.
        files: m-files; their paths are absolute.
        names: names that Octave may know.
        packages: packages of Octave to load first.
        others: further files, where classes may be that the files inherit from.
        timeout: seconds that may pass without an answer.

    Raises:
        EnvironmentNotFound: Octave does not start.
        InvalidArgument: a package is not installed.
    """
    found = Parsed()
    with tempfile.TemporaryDirectory(prefix="arcuate-mcheck-") as work:
        copied = copies([*files, *others], os.path.join(work, "classes"))
        entries = [_entry(file, copied) for file in files]
        # Octave does not find a class in the folder private when another one inherits from it.
        places = dict.fromkeys(one.folder for one in copied.values())
        folders = [one for one in places if os.path.basename(one) != "private"]
        for name, items in (
            ("files", entries),
            ("names", names),
            ("folders", folders),
            ("packages", packages),
        ):
            with open(os.path.join(work, name), "wb") as out:
                out.write(b"".join(os.fsencode(item) + b"\0" for item in items))
        start = 1
        while start <= len(files) or not found.version:
            Path(work, "start").write_text(str(start))
            said = _run(program, work, timeout)
            begun = _collect(said, found)
            if said.rstrip(b"\1").endswith(b"end\0\0"):
                break
            if begun < start:
                raise EnvironmentNotFound(f"{program} did not answer; try: {program} --version")
            found.problems.append(
                Problem(begun - 1, "Octave itself crashes when it reads this file", 0, 0, True)
            )
            start = begun + 1
    found.problems = [_moved(one, copied.get(files[one.file].path)) for one in found.problems]
    found.problems.sort(key=lambda one: (one.file, one.line, one.column))
    return found


def _entry(file: MFile, copied: dict[str, Copy]) -> str:
    """How a file is parsed: a class in a folder of its own by its name: alone it seems misplaced."""
    if file.path not in copied:
        return f"f{file.path}"
    if file.folder == f"@{file.name}":
        return "c" + ".".join([*file.packages, file.name])
    return f"f{copied[file.path].path}"


def _moved(problem: Problem, copy: Copy | None) -> Problem:
    """A problem of a copy, in the columns of the file itself."""
    column, count = copy.shifted.get(problem.line, (0, 0)) if copy else (0, 0)
    if problem.column <= column:
        return problem
    text = "syntax error" if "anonymous function" in problem.text else problem.text
    return replace(problem, column=max(column + 1, problem.column - count), text=text)


def _run(program: str, work: str, timeout: float) -> bytes:
    """What one process wrote before it ended."""
    out = Path(work, "found")
    out.write_bytes(b"")
    command = [program, "--norc", "--quiet", "--no-gui", "--no-history", "--path", str(CODE)]
    code = f"arcuate__mcheck ('{work}')"
    try:
        subprocess.run(
            [*command, "--eval", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=work,
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise EnvironmentNotFound(f"{program} does not start: {error}") from error
    except subprocess.TimeoutExpired:
        pass  # the file that was begun last is the one that Octave does not finish
    return out.read_bytes()


def _collect(said: bytes, found: Parsed) -> int:
    """Sorts what was written; returns the number of the file that was begun last."""
    begun = 0
    for record in said.split(b"\1")[:-1]:
        kind, name, text = (part.decode("utf-8", "replace") for part in record.split(b"\0", 2))
        if kind == "begin":
            begun = int(name)
        elif kind == "known":
            found.known.add(name)
        elif kind == "installed":
            found.installed[name] = text
        elif kind == "version":
            found.version, found.unimplemented = name, text
        elif kind == "package":
            raise InvalidArgument(f"the Octave package {name!r} cannot be loaded: {' '.join(text.split())}")
        elif kind in ("error", "warning"):
            problem = _problem(int(name) - 1, text, kind == "error")
            if problem not in found.problems:
                found.problems.append(problem)
    return begun


def _problem(file: int, text: str, error: bool) -> Problem:
    near = _NEAR.search(text)
    caret = _CARET.search(text)
    line = int(near.group(1)) if near else 0
    column = 0
    if caret:
        column = max(1, len(caret.group(2)) - 3)
    elif near and near.group(2):
        column = int(near.group(2))
    said = text
    if near:
        rest = text[near.end() :].split("\n>>>")[0]
        said = " ".join(rest.split()) or "syntax error"
    elif text.startswith("parse error"):
        said = " ".join(text.split("\n>>>")[0].partition(":")[2].split()) or "syntax error"
    return Problem(file, " ".join(said.split()), line, column, error)
