"""A Python package for a folder of m-files: one typed function for each. The work of ``arcuate wrap``."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arcuate.errors import InvalidArgument
from arcuate.octave import folders
from arcuate.octave.mfiles.source import Function, MFile, find, read

__all__ = ["MARK", "Package", "package"]

MARK = "Written by `arcuate wrap`; do not edit."
_USED = frozenset({"int", "tuple"})  # names that annotations use: a function of that name would replace them
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass
class Package:
    """What is written.

    Attributes:
        files: texts by path relative to the package's folder.
        functions: how many functions there are.
        skipped: what was left out, and why.
    """

    files: dict[str, str] = field(default_factory=dict)
    functions: int = 0
    skipped: list[str] = field(default_factory=list)


@dataclass
class _Module:
    """One module: an Octave package, or what is outside of them."""

    members: dict[str, MFile] = field(default_factory=dict)
    children: dict[str, _Module] = field(default_factory=dict)


def package(folder: str, out: str, exclude: Sequence[str] = ()) -> Package:
    """The texts of a package.

    Args:
        folder: where the m-files are.
        out: the folder of the package, absolute; it need not exist.
        exclude: folders in ``folder`` that are left out.

    Raises:
        InvalidArgument: there is no such folder, or nothing in it can be called.
    """
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder):
        raise InvalidArgument(f"{folder} is no folder; name the one that holds the m-files")
    leave = [f"!{os.path.join(folder, one)}" for one in exclude]
    on_path = folders.expand([f"{folder}/**", *leave])
    found = Package()
    root = _Module()
    for one in on_path:
        for path in _callable(one):
            _add(root, read(path), folder, found)
    for path in find(folder):
        if os.path.basename(os.path.dirname(path)) == "private":
            continue
        inside = os.path.relpath(path, folder).split(os.sep)[:-1]
        if any(part.startswith("@") for part in inside) and inside[-1] != f"@{os.path.basename(path)[:-2]}":
            found.skipped.append(
                f"{os.path.relpath(path, folder)}: a method; call it with an object of its class"
            )
    if not root.members and not root.children:
        raise InvalidArgument(f"there are no m-files in {folder} that could be called")
    base = os.path.relpath(folder, out)
    entries = [f"{base}/**", *(f"!{os.path.relpath(os.path.join(folder, one), out)}" for one in exclude)]
    title = os.path.basename(folder)
    _write(root, found, "", (), title, entries)
    found.files["py.typed"] = ""
    return found


def _callable(folder: str) -> Iterator[str]:
    """The m-files that one folder of the path brings: its own, and those of its packages and classes."""
    for name in sorted(os.listdir(folder)):
        full = os.path.join(folder, name)
        if name.endswith(".m") and os.path.isfile(full):
            yield full
        elif name.startswith("+") and os.path.isdir(full):
            yield from _callable(full)
        elif name.startswith("@") and os.path.isfile(os.path.join(full, f"{name[1:]}.m")):
            yield os.path.join(full, f"{name[1:]}.m")


def _add(root: _Module, file: MFile, folder: str, found: Package) -> None:
    """Puts a file into the module that it belongs to."""
    relative = os.path.relpath(file.path, folder)
    if not _NAME.fullmatch(file.name) or not all(map(_NAME.fullmatch, file.packages)):
        found.skipped.append(f"{relative}: Octave cannot call a name such as {file.name!r}")
        return
    module = root
    for name in file.packages:
        module = module.children.setdefault(name, _Module())
    if file.name in module.members:
        other = os.path.relpath(module.members[file.name].path, folder)
        found.skipped.append(f"{relative}: {other} comes first on the path")
        return
    module.members[file.name] = file


def _write(
    module: _Module, found: Package, place: str, packages: tuple[str, ...], title: str, entries: Sequence[str]
) -> None:
    """Writes a module and those inside it."""
    children = _renamed(sorted(module.children), set())
    names = _renamed(sorted(module.members), set(children.values()))
    dots = "." * (len(packages) + 1)
    full = ".".join(packages)
    head = f"Package {full} of {title}" if packages else f"The m-files of {title}"
    lines = [
        f'"""{_escaped(head)}, called in Octave. {MARK}"""',
        "",
        "from __future__ import annotations",
        "",
    ]
    bodies = [
        _function(names[name], ".".join([*packages, name]), file) for name, file in module.members.items()
    ]
    bodies = [body for _, body in sorted(zip((names[name] for name in module.members), bodies, strict=True))]
    typing = [name for name in ("Any", "Literal", "overload") if any(f"_{name}" in body for body in bodies)]
    if typing:
        lines += [f"from typing import {', '.join(f'{name} as _{name}' for name in typing)}", ""]
    if any("_LEFT_OUT" in body for body in bodies):
        lines += ["from arcuate.octave.wrapped import LEFT_OUT as _LEFT_OUT", ""]
    imports = [f"from {dots}arcuate_toolbox import toolbox as _toolbox"] if bodies else []
    if not packages:
        found.files["arcuate_toolbox.py"] = _toolbox(title, entries)
    imports += [f"from . import {name} as {name}" for name in sorted(children.values())]
    lines += imports
    public = sorted([*children.values(), *names.values()])
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in public), "]", ""]
    text = "\n".join(lines) + "".join(f"\n\n{body}" for body in bodies)
    found.files[os.path.join(place, "__init__.py")] = text
    found.functions += len(bodies)
    for name, inner in sorted(module.children.items()):
        _write(inner, found, os.path.join(place, children[name]), (*packages, name), title, entries)


def _toolbox(title: str, entries: Sequence[str]) -> str:
    listed = ", ".join(f'"{_escaped(entry)}"' for entry in entries)
    return (
        f'"""The session behind the m-files of {_escaped(title)}. {MARK}"""\n\n'
        "from __future__ import annotations\n\n"
        "from arcuate.octave.wrapped import Toolbox\n\n"
        '__all__ = ["toolbox"]\n\n'
        f"toolbox = Toolbox(__file__, [{listed}])\n"
    )


def _renamed(names: Sequence[str], taken: set[str]) -> dict[str, str]:
    """The names in Python: an underscore is added to those that Python needs or that are taken."""
    found: dict[str, str] = {}
    used = set(taken)
    plain = set(names)
    for name in names:
        new = name
        while keyword.iskeyword(new) or new in _USED or new in used or (new != name and new in plain):
            new += "_"
        used.add(new)
        found[name] = new
    return found


def _function(name: str, full: str, file: MFile) -> str:
    """The text of one function."""
    if file.kind == "script":
        head = f"def {name}() -> None:"
        return _joined(
            head, _doc(file, "Runs the script; its variables are in the workspace."), full, [], "", "0"
        )
    if file.kind == "class":
        head = f"def {name}(*args: _Any, **named: _Any) -> _Any:"
        note = "The object stays in Octave; what comes back stands for it."
        return _joined(head, _doc(file, note), full, [], "args, named", "1, keep=True")
    function = file.functions[0] if file.functions else Function(full, (), (), 1, False)
    names, many = _arguments(function)
    doc = _doc(file, "")
    parts = [f"{new}: _Any" + " = _LEFT_OUT" * function.optional for new in names]
    parts = _with_defaults(parts, function)
    extra = ", ".join(["args, named"] * many)
    if not function.outputs:
        head = f"def {name}({', '.join([*parts, *_many(many)])}) -> None:"
        return _joined(head, doc, full, names, extra, "0")
    fixed = [one for one in function.outputs if one != "varargout"]
    varying = "varargout" in function.outputs
    head = f"def {name}({', '.join([*parts, *_many(many, 'nargout: int = 1')])}) -> _Any:"
    if len(fixed) > 1 and not varying:
        counts = ", ".join(str(number) for number in range(2, len(fixed) + 1))
        kinds = (("0]", "None"), ("1] = ...", "_Any"), (f"{counts}]", "tuple[_Any, ...]"))
        for count, result in reversed(kinds):
            listed = ", ".join([*parts, *_many(many, f"nargout: _Literal[{count}")])
            head = f"@_overload\ndef {name}({listed}) -> {result}: ...\n{head}"
    return _joined(head, doc, full, names, extra, "nargout")


def _many(many: bool, count: str = "") -> list[str]:
    """The end of an argument list: any number of arguments where they are taken, and ``count``."""
    if many:
        return ["*args: _Any", *([count] if count else []), "**named: _Any"]
    return ["*", count] if count else []


def _with_defaults(parts: list[str], function: Function) -> list[str]:
    """After an argument with a default all have one."""
    found = []
    optional = False
    inputs = [one for one in function.inputs if one.name != "varargin"]
    for part, one in zip(parts, inputs, strict=True):
        optional = optional or bool(one.default)
        found.append(part if not optional or "=" in part else f"{part} = _LEFT_OUT")
    return found


def _arguments(function: Function) -> tuple[list[str], bool]:
    """Names of the arguments in Python, and whether any number may follow."""
    many = any(one.name == "varargin" for one in function.inputs)
    found: list[str] = []
    for number, one in enumerate((one for one in function.inputs if one.name != "varargin"), 1):
        name = f"unused{number}" if one.name == "~" else one.name
        while keyword.iskeyword(name) or name in ("nargout", "args", "named") or name in found:
            name += "_"
        found.append(name)
    return found, many


def _joined(head: str, doc: str, full: str, names: Sequence[str], extra: str, nargout: str) -> str:
    """Head, docstring and call."""
    given = f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
    more = f", {extra}" if extra else ""
    back = "" if head.endswith("-> None:") else "return "
    return f'{head}\n{doc}    {back}_toolbox.call("{full}", {given}{more}, nargout={nargout})\n'


def _doc(file: MFile, note: str) -> str:
    """The docstring: the help text, and how the function is called in Octave."""
    usage = _usage(file) if file.kind == "function" else ""
    parts = [part for part in (file.help, note, f"In Octave: {usage}" if usage else "") if part]
    if not parts:
        return f'    """{file.name}."""\n'
    text = _escaped("\n\n".join(parts))
    lines = [line.rstrip() for line in text.split("\n")]
    if len(lines) == 1 and not lines[0].endswith('"'):
        return f'    """{lines[0]}"""\n'
    inner = "\n".join(f"    {line}" if line else "" for line in lines)
    return f'    """{inner.lstrip()}\n    """\n'


def _usage(file: MFile) -> str:
    """The first line of the function, as Octave has it."""
    if not file.functions:
        return ""
    one = file.functions[0]
    inputs = ", ".join(f"{item.name} = {item.default}" if item.default else item.name for item in one.inputs)
    outputs = (
        f"[{', '.join(one.outputs)}] = " if len(one.outputs) > 1 else "".join(f"{o} = " for o in one.outputs)
    )
    return f"{outputs}{'.'.join([*file.packages, file.name])} ({inputs})"


def _escaped(text: str) -> str:
    """A text inside of three double quotes."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\U{ord(char):08x}" for char in text)
