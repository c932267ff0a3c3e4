"""`make generate`: rewrite every generated file, or with --check say which ones are out of step.

Each generator is a function that returns the files it makes, as {path below the repository: content}. To add
one, write the function (here, or in a module of this folder) and put it into GENERATORS. Files of which only
a part is generated hold a marked block, filled by `filled`:

    <!-- generated: NAME -->
    <!-- end of generated: NAME -->
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import environment
import gostubs

ROOT = environment.ROOT
MESSAGES = {
    "arcuate/v1": Path("clients/python/arcuate/v1"),
    "arcuate/mps/v1": Path("bridges/arcuate/mps/v1"),
}
"""Folder below protos/: where its messages go."""
Files = dict[Path, str]


def protobuf() -> Files:
    """Messages and services of protos/ as Python, with type stubs.

    The package re-exports the messages; the `*_pb2_grpc` modules need grpcio and are imported by name.

    The generator is pinned (tools/environment.py) to the oldest supported runtime: code made by protobuf 6.31
    runs on 6.31 and newer 6.x, and on 7.x, while a runtime refuses code newer than itself.
    """
    return {path: text for folder in MESSAGES for path, text in _messages(folder).items()}


def _messages(package: str) -> Files:
    """Return what one folder of definitions makes."""
    sources = sorted((ROOT / "protos" / package).glob("*.proto"))
    if not sources:
        return {}
    python = environment.python_of(environment.make_side("generate", environment.GENERATOR))
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-m", "grpc_tools.protoc", f"-I{ROOT / 'protos'}"]
        command += [f"--python_out={folder}", f"--pyi_out={folder}", f"--grpc_python_out={folder}"]
        names = [source.relative_to(ROOT / "protos").as_posix() for source in sources]
        done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"protoc refused the definitions:\n{done.stderr}")
        made = sorted(Path(folder, package).iterdir())
        services = {
            source.stem for source in sources if re.search(r"^service ", source.read_text(), re.MULTILINE)
        }
        made = [path for path in made if _wanted(path.name, services)]
        files = {MESSAGES[package] / path.name: path.read_text() for path in made}
    files[MESSAGES[package] / "__init__.py"] = _package(package, files)
    files[MESSAGES[package] / "py.typed"] = ""
    return files


def _wanted(name: str, services: set[str]) -> bool:
    """Tell whether a generated file holds anything: protoc writes an empty one where there is no service."""
    stem, found, _ = name.partition("_pb2_grpc.py")
    return not found or stem in services


def _package(package: str, files: Files) -> str:
    """Return the `__init__.py` that re-exports the top-level messages and enums found in the stubs."""
    lines = [
        f'"""Messages of the protocol, generated from protos/{package} by `make generate`: do not edit."""',
        "",
    ]
    exported: list[str] = []
    for path, text in files.items():
        names = re.findall(r"^class (\w+)\(", text, re.MULTILINE) if path.suffix == ".pyi" else []
        if names:
            listed = "".join(f"    {name},\n" for name in sorted(names))
            lines.append(f"from {package.replace('/', '.')}.{path.stem} import (\n{listed})")
            exported += names
    listed = "".join(f'    "{name}",\n' for name in sorted(exported))
    return "\n".join([*lines, "", f"__all__ = [\n{listed}]", ""])


def type_table() -> Files:
    """docs/types.md: the table by which the code decides what may change on the way."""
    if not (ROOT / "clients/python/arcuate/values/table.py").exists():
        return {}
    from arcuate.values.table import render_markdown

    page = Path("docs/types.md")
    return {page: filled(page, "type table", render_markdown())}


def worked_example() -> Files:
    """Section 8 of protos/frames.md: one message byte by byte."""
    import worked_example as example

    page = Path("protos/frames.md")
    return {page: filled(page, "worked example", example.render())}


def settings() -> Files:
    """The table of all settings in docs/guide/hub.md."""
    from arcuate.cli.configuration import toml
    from arcuate.hub.settings import settings as all_settings

    rows = ["| setting | what it does | kind | default |", "|---|---|---|---|"]
    for one in all_settings():
        default = "" if one.default in (None, [], {}, "") else f"`{toml(one.default)}`"
        kind = one.kind.replace("|", "\\|")
        rows.append(f"| `{one.key}` | {one.help} | {kind} | {default} |")
    page = Path("docs/guide/hub.md")
    return {page: filled(page, "settings", "\n".join(rows))}


def vectors() -> Files:
    """protos/vectors/cases.jsonl: what every implementation must read and write."""
    import golden

    return {Path("protos/vectors/cases.jsonl"): golden.lines(ROOT)}


def octave_client() -> Files:
    """What the client in m-code has in common with MATLAB's adapter: reading and writing of values.

    A client is a folder of its own that can be copied, so it has a copy (docs/decisions/octave-client.md).
    """
    source, target = (
        Path("adapters/arcuate/matlab/m/+arcuate/+wire"),
        Path("clients/octave/inst/+arcuate/+wire"),
    )
    # Each side's own:
    own = ("octave", "forced", "function_in", "function_out", "handle_in", "handle_node", "frame")
    files = sorted((ROOT / source).glob("*.m"))
    return {target / path.name: path.read_text(encoding="utf-8") for path in files if path.stem not in own}


def comparison() -> Files:
    """The tables of docs/comparison.md, from the committed report of `make peers`."""
    import comparison as tables

    if not tables.FILE.exists():
        return {}
    entries = tables.load()
    page = Path("docs/comparison.md")
    text = "\n\n".join(
        [tables.summary(entries), tables.measured(entries), "### By kind of value", tables.kinds(entries)]
    )
    text += "\n\n### What arrived instead\n\n" + tables.examples(entries)
    return {page: filled(page, "comparison", text)}


GENERATORS: list[Callable[[], Files]] = [
    protobuf,
    gostubs.go_messages,
    type_table,
    worked_example,
    settings,
    vectors,
    octave_client,
    comparison,
]
OWNED = [*MESSAGES.values(), gostubs.TARGET]
"""Folders that hold generated files only: anything else in them is left over."""


def filled(path: Path, name: str, text: str) -> str:
    """Return a file's content with the text between the two marks of a block replaced."""
    before = (ROOT / path).read_text(encoding="utf-8")
    start, end = f"<!-- generated: {name} -->\n", f"<!-- end of generated: {name} -->"
    head, found_start, rest = before.partition(start)
    _, found_end, tail = rest.partition(end)
    if not found_start or not found_end:
        raise SystemExit(
            f"{path}: the marks {start.strip()!r} and {end!r} are not both there. Put them back."
        )
    return f"{head}{start}{text.rstrip()}\n{end}{tail}"


def left_over(files: Files) -> list[Path]:
    """Return files in generated folders that no generator makes."""
    present = [path.relative_to(ROOT) for folder in OWNED for path in (ROOT / folder).glob("*.*")]
    return sorted(path for path in present if path not in files)


def main() -> int:
    """Write the files, or with --check only compare; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a file is out of step"
    )
    check = parser.parse_args().check
    files: Files = {}
    for generator in GENERATORS:
        files.update(generator())
    stale = 0
    for path, text in files.items():
        target = ROOT / path
        before = target.read_text(encoding="utf-8") if target.exists() else None
        if before == text:
            continue
        stale += 1
        if check:
            changes = difflib.unified_diff(
                (before or "").splitlines(), text.splitlines(), str(path), "generated", "", "", 1, ""
            )
            print("\n".join(list(changes)[:20]) or f"{path} is missing")
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    for path in left_over(files):
        stale += 1
        print(f"{path} is generated by nothing" + ("" if check else ": removed"))
        if not check:
            (ROOT / path).unlink()
    if check and stale:
        print(f"{stale} generated files are out of step. Run: make generate")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
