"""oct2py's source distribution, which the set-up fetches into .tools, and a run of its tests on the face."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
FOLDER = ROOT / ".tools" / "oct2py"
VERSION = "6.1.1"
SHA256 = "a7badb0294be3ab1cf3caf646049e70ae2fbff0805b5cd2b06d7b09cf5378695"


def distribution() -> Path:
    """The source distribution, as it is on the package index: its hash is known."""
    file = FOLDER / f"oct2py-{VERSION}.tar.gz"
    if not file.exists():
        pytest.skip("oct2py: its source distribution is not there; type: python3 tools/setup.py tools")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == SHA256, f"{file} is not oct2py {VERSION} as it was published; remove it"
    return file


def unpack(folder: Path) -> Path:
    """Unpacks its tests and its settings of pytest, but not its modules: the face takes their place."""
    with tarfile.open(distribution()) as archive:
        top = f"oct2py-{VERSION}"
        members = [
            member
            for member in archive.getmembers()
            if member.name == f"{top}/pyproject.toml" or member.name.startswith(f"{top}/tests/")
        ]
        archive.extractall(folder, members=members, filter="data")
    return folder / top


def sources() -> dict[str, str]:
    """Its modules' texts, by file name; they are read, never imported."""
    with tarfile.open(distribution()) as archive:
        found = {}
        for member in archive.getmembers():
            if member.isfile() and "/oct2py/" in member.name and member.name.endswith((".py", ".m")):
                file = archive.extractfile(member)
                assert file is not None
                found[member.name.split("/oct2py/")[1]] = file.read().decode()
        return found


def public_names() -> set[str]:
    """What oct2py offers: what its package lists, and the methods and properties of its classes there."""
    texts = sources()
    names: set[str] = set()
    for node in ast.parse(texts["__init__.py"]).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names = set(ast.literal_eval(node.value))
    assert "Oct2Py" in names
    for text in texts.values():
        if text.startswith(("%", "function")):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and node.name in names:
                names = names | {
                    item.name
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
                }
    return names


def source_of(folder: Path, test: str) -> str:
    """The source of a test, by its pytest id."""
    file, *path = test.split("::")
    text = (folder / file).read_text(encoding="utf-8")
    body: list[ast.stmt] = ast.parse(text).body
    found: Any = None
    for name in path:
        found = next(node for node in body if getattr(node, "name", None) == name)
        body = found.body
    segment = ast.get_source_segment(text, found)
    assert segment is not None
    return segment


def run(folder: Path) -> dict[str, Any]:
    """Runs its tests in a process of their own."""
    out = folder / "outcomes.json"
    temporary = folder / "tmp"
    temporary.mkdir()
    env = {
        **os.environ,
        "FACE_OUTCOMES": str(out),
        "PYTHONPATH": str(HERE),
        "TMPDIR": str(temporary),
        "IPYTHONDIR": str(temporary / "ipython"),
        "MPLBACKEND": "agg",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "oct2py_face", "-p", "no:cacheprovider"]
    # Two tests that oct2py expects to fail pass here: a function without results needs no nout=0.
    command += ["-o", "xfail_strict=false", "--color=no", "--no-showlocals", "--tb=short", "tests"]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=280, check=False
    )
    assert out.exists(), done.stdout[-5000:] + done.stderr[-5000:]
    found: dict[str, Any] = json.loads(out.read_text())
    found["tail"] = done.stdout[-3000:] + done.stderr[-3000:]
    return found
