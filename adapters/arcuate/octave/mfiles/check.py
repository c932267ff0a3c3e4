"""What in a folder of m-files this Octave cannot run: the work of ``arcuate mcheck``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from arcuate.errors import InvalidArgument
from arcuate.octave import OctaveEnvironment, folders
from arcuate.octave.mfiles import known, parser
from arcuate.octave.mfiles.source import MFile, find, read
from arcuate.octave.mfiles.usage import Reference, Usage, use
from arcuate.worker.environment import installer

__all__ = ["Finding", "Report", "check", "install_command"]

ERROR, WARNING, NOTE = "error", "warning", "note"
_OTHER = {
    ".mlx": "a live script: Octave cannot read it; save it in MATLAB as a plain .m file",
    ".p": "code that MATLAB obscured: Octave cannot read it; get its source",
    ".mlapp": "an app of MATLAB's App Designer: Octave has none",
    ".slx": "a Simulink model: Octave has none",
    ".mdl": "a Simulink model: Octave has none",
}
_MEX = re.compile(r"\.mex(w32|w64|a64|maci64|maca64|glx)$")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: ``error``: Octave cannot run it; ``warning``: it runs otherwise than MATLAB, or may lack;
            ``note``: the code itself provides for it.
        kind: ``parse``, ``missing``, ``unknown``, ``syntax``, ``class`` or ``file``.
        file: relative to the folder.
        line: counted from 1; 0 where it concerns the whole file.
        column: counted from 1; 0 where it concerns the whole line.
        name: the function, where there is one.
        message: what it is and what to do.
        package: the Octave package that has the function, or ``""``.
    """

    level: str
    kind: str
    file: str
    line: int
    column: int
    name: str
    message: str
    package: str = ""


@dataclass
class Report:
    """The answer.

    Attributes:
        folder: what was looked at.
        octave: version of Octave.
        files: how many m-files there are.
        findings: by file and line.
        packages: packages of Octave that are needed: installed version, or ``""`` where it is not.
    """

    folder: str
    octave: str
    files: int
    findings: list[Finding] = field(default_factory=list)
    packages: dict[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """How many things Octave cannot run."""
        return sum(one.level == ERROR for one in self.findings)

    @property
    def clean(self) -> int:
        """How many files Octave can run."""
        return self.files - len({one.file for one in self.findings if one.level == ERROR} & self._names)

    _names: set[str] = field(default_factory=set, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "folder": self.folder,
            "octave": self.octave,
            "files": self.files,
            "files_that_run": self.clean,
            "errors": self.errors,
            "packages": {name: {"installed": version or None} for name, version in self.packages.items()},
            "findings": [asdict(one) for one in self.findings],
        }


def check(
    folder: str, *, path: Sequence[str] = (), packages: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Report:
    """Looks at all m-files below a folder. Nothing is run.

    Args:
        folder: where they are.
        path: further folders that will be on Octave's load path, as for ``connect("octave", path=...)``.
        packages: packages of Octave that will be loaded.
        exclude: folders in ``folder`` that are not looked at.

    Raises:
        InvalidArgument: there is no such folder, or no m-file in it.
        EnvironmentNotFound: Octave is not installed.
    """
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder):
        raise InvalidArgument(f"{folder} is no folder; name the one that holds the m-files")
    for one in exclude:
        if not os.path.isdir(os.path.join(folder, one)):
            raise InvalidArgument(f"{os.path.join(folder, one)} is no folder; correct the name to leave out")
    program = OctaveEnvironment().executable()
    further = folders.expand(path)
    others = [item for one in [*folders.tree(folder), *further] for item in _names_in(one)]
    beside = [read(item) for one in further for item in _classes_in(one)]
    names = [name for name in find(folder) if not _below(name, folder, exclude)]
    files = [read(name) for name in names]
    if not files:
        raise InvalidArgument(f"there are no m-files in {folder}")
    usages = [use(file) for file in files]
    own = set(others).union(*map(_defined, files))
    wanted = sorted({one.name.split(".")[0] for usage in usages for one in usage.references} - own)
    wanted += sorted({one.name for usage in usages for one in usage.references if "." in one.name})
    said = parser.ask(program, files, wanted, packages, beside)
    relative = [os.path.relpath(name, folder) for name in names]
    report = Report(folder, said.version, len(files))
    report._names.update(relative)

    def provided(name: str) -> bool:
        """Whether a package that is loaded replaces a function of Octave."""
        return bool(set(known.providers().get(name, ())) & set(packages))

    report.findings += _parse_findings(said, relative, files)
    lacks = known.lacking(said.unimplemented)
    asked = set().union(*(usage.asked for usage in usages))
    for name, file, usage in zip(relative, files, usages, strict=True):
        for mark in usage.marks:
            if mark.kind in ("option", "round") and (mark.name in own or provided(mark.name) or usage.adapts):
                continue
            level, text = known.MARKS[mark.kind]
            message = text.format(name=mark.name)
            report.findings.append(Finding(level, "syntax", name, mark.line, mark.column, mark.name, message))
        local = {one.name for one in file.functions}
        for reference in usage.references:
            if reference.name.split(".")[0] not in own | local | said.known:
                report.findings += _missing(name, reference, usage, said, lacks, asked)
    others_found = _other_files(folder)
    report.findings += [one for one in others_found if not _below(f"{folder}/{one.file}", folder, exclude)]
    report.findings.sort(key=lambda one: (one.file, one.line, one.column, one.kind, one.name))
    needed = {one.package for one in report.findings if one.package and one.level == ERROR}
    report.packages = {name: said.installed.get(name, "") for name in sorted(needed)}
    return report


def _below(path: str, folder: str, exclude: Sequence[str]) -> bool:
    """Whether a file is in one of the folders that are left out."""
    return any(path.startswith(os.path.join(folder, one, "")) for one in exclude)


def _names_in(folder: str) -> Iterator[str]:
    """What a folder on the load path defines: m-files, compiled functions, packages, classes, methods."""
    for name in sorted(os.listdir(folder)):
        stem, ending = os.path.splitext(name)
        if ending in (".m", ".oct", ".mex"):
            yield stem
        elif name == "PKG_ADD":
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                yield from re.findall(r"autoload\s*\(\s*[\"'](\w+)", file.read())
        elif name.startswith(("+", "@")):
            yield name[1:]
            if name.startswith("@"):
                yield from _names_in(os.path.join(folder, name))


def _classes_in(folder: str) -> Iterator[str]:
    """The files of a folder on the load path, its packages and its classes, that may define classes."""
    for name in sorted(os.listdir(folder)):
        full = os.path.join(folder, name)
        if name.startswith(("+", "@")) and os.path.isdir(full):
            yield from _classes_in(full)
        elif name.endswith(".m") and os.path.isfile(full):
            with open(full, "rb") as file:
                if b"classdef" in file.read(65536):
                    yield full


def _defined(file: MFile) -> set[str]:
    """The names by which other files may call what this one defines."""
    found = {file.name, *file.packages}
    if file.folder.startswith("@"):
        found.add(file.folder[1:])
    if file.kind == "class":
        found.update(one.name for one in file.functions)
    return found


def _parse_findings(said: parser.Parsed, names: Sequence[str], files: Sequence[MFile]) -> Iterator[Finding]:
    """What Octave's parser said."""
    for one in said.problems:
        name = names[one.file]
        if one.error:
            kind = "class" if "class not found" in one.text else "parse"
            line = one.line or (kind == "class" and _head(files[one.file]))
            yield Finding(ERROR, kind, name, line, one.column, "", _explained(one.text))
        elif "INCORRECT RESULTS" in one.text and "arguments" not in one.text:
            text = one.text.partition(";")[0]
            yield Finding(WARNING, "class", name, one.line, one.column, "", f"{text}; Octave ignores them")


def _head(file: MFile) -> int:
    """The line in which a class begins."""
    return next((word.line for word in file.tokens if word.text == "classdef"), 0)


def _explained(text: str) -> str:
    """A message of the parser, with what to do."""
    if text.startswith("class not found"):
        name = text.rpartition(" ")[2]
        matlab = name.startswith("matlab.") or name in ("dynamicprops", "hgsetget")
        more = (
            "it is MATLAB's own, and Octave lacks it"
            if matlab
            else "is its folder missing, or is it MATLAB's own?"
        )
        return f"{text}: {more}"
    return text


def _missing(
    file: str,
    reference: Reference,
    usage: Usage,
    said: parser.Parsed,
    lacks: dict[str, str],
    asked: set[str],
) -> Iterator[Finding]:
    """A name that neither the folder nor Octave defines."""
    base = reference.name.split(".")[0]
    provided = known.providers()
    name = next((one for one in (reference.name, base) if one in provided or one in lacks), "")
    guarded = reference.guarded or usage.adapts or bool({reference.name, base} & asked)
    if not name:
        if reference.called and not usage.dynamic and not guarded and "." not in reference.name:
            text = f"{base} is defined neither here nor in Octave; is a folder missing? add it with --path"
            yield Finding(WARNING, "unknown", file, reference.line, reference.column, base, text)
        return
    if not reference.called and usage.dynamic:
        return  # a variable that load or eval makes
    package = _provider(provided.get(name, ()), lacks.get(name), said)
    text = _sentence(name, package, lacks.get(name), said)
    level = NOTE if guarded else ERROR
    yield Finding(level, "missing", file, reference.line, reference.column, name, text, package)


def _provider(packages: Sequence[str], named: str | None, said: parser.Parsed) -> str:
    """Which of the packages that have a function: one that is installed, the one that Octave names, any."""
    rare = ("nan", "tsa", "matgeom", "gsl")  # they repeat what others have
    order = sorted(packages, key=lambda one: (one not in said.installed, one != named, one in rare))
    return order[0] if order else ""


def _sentence(name: str, package: str, toolbox: str | None, said: parser.Parsed) -> str:
    """What to do about a function that is missing."""
    if package in said.installed:
        return f"in the package {package}, which is installed: connect('octave', packages=['{package}'])"
    if package:
        return f"in the package {package}, which is not installed; type: {install_command(package)}"
    advice = f"; {known.ADVICE[name]}" if name in known.ADVICE else ""
    if toolbox:
        return f"Octave lacks it, and so does its package {toolbox}{advice}"
    return f"Octave lacks it{advice}"


def install_command(package: str) -> str:
    """The command that installs a package of Octave."""
    if shutil.which("apt-get"):
        return installer({"apt-get": f"octave-{package}"})
    return f'octave --eval "pkg install -forge {package}"'


def _other_files(folder: str) -> Iterator[Finding]:
    """Files beside the m-files that only MATLAB can use."""
    for here, inside, names in os.walk(folder):
        inside[:] = sorted(one for one in inside if not one.startswith("."))
        there = set(names)
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            relative = os.path.relpath(os.path.join(here, name), folder)
            if ending in _OTHER and not (ending == ".p" and f"{stem}.m" in there):
                yield Finding(ERROR, "file", relative, 0, 0, stem, _OTHER[ending])
            elif _MEX.search(name) and not there & {f"{stem}.mex", f"{stem}.oct", f"{stem}.m"}:
                text = "compiled for MATLAB; compile its source for Octave with: mkoctfile --mex"
                yield Finding(ERROR, "file", relative, 0, 0, stem, text)
