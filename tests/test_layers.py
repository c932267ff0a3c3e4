"""Layers point one way, and a foreign library is imported only in the folder of its own adapter."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("clients/python", "adapters", "bridges")

# foreign library -> the only folders that may import it. Whoever adds an adapter adds its library here.
FOREIGN = {
    "rpy2": {"adapters/arcuate/r"},
    "rpy2_rinterface": {"adapters/arcuate/r"},
    "oct2py": set(),
    "matlab": {"adapters/arcuate/matlab"},
    "typer": {"bridges/arcuate/cli"},
    "click": {"bridges/arcuate/cli"},
    "rich": {"bridges/arcuate/cli"},
}


def sources() -> list[Path]:
    return sorted(path for root in SOURCE_ROOTS for path in (ROOT / root / "arcuate").rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, at any depth, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def test_foreign_libraries_stay_in_their_folder() -> None:
    found = []
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        for module, line in imports(path):
            allowed = FOREIGN.get(module.split(".")[0])
            if allowed is not None and not any(name.startswith(f"{folder}/") for folder in allowed):
                found.append(f"{name}:{line} imports {module}, allowed in {sorted(allowed) or 'no folder'}")
    assert found == []


def layer_of() -> dict[str, int]:
    """Return the layer of every part of the namespace, read from the folders: 0 is the lowest."""
    return {
        path.stem: number
        for number, root in enumerate(SOURCE_ROOTS)
        for path in (ROOT / root / "arcuate").iterdir()
        if path.suffix == ".py" or path.is_dir()
    }


def test_imports_point_downward() -> None:
    """The contract once more, without import-linter."""
    layers = layer_of()
    found = []
    for path in sources():
        own = SOURCE_ROOTS.index(next(r for r in SOURCE_ROOTS if path.is_relative_to(ROOT / r)))
        for module, line in imports(path):
            match = re.match(r"arcuate\.(\w+)", module)
            if match and layers.get(match.group(1), 0) > own:
                found.append(f"{path.relative_to(ROOT)}:{line} imports {module}, which is in a higher layer")
    assert found == []


def run_layers(tools: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(tools / "layers.py")], capture_output=True, text=True, check=False
    )


def test_import_linter_keeps_the_contract() -> None:
    done = run_layers(ROOT / "tools")
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("clients/python/arcuate/below", "adapters/arcuate/middle"),
        ("adapters/arcuate/middle", "bridges/arcuate/above"),
        ("adapters/arcuate/middle", "adapters/arcuate/other"),
        ("adapters/arcuate/worker", "adapters/arcuate/middle"),
    ],
)
def test_the_contract_notices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importer: str, imported: str
) -> None:
    """An upward import, or one from an environment to another, breaks the contract."""
    names = ["clients/python/arcuate/below", "bridges/arcuate/above"]
    names += ["adapters/arcuate/middle", "adapters/arcuate/other", "adapters/arcuate/worker"]
    for name in names:
        tmp_path.joinpath(name).mkdir(parents=True)
        text = (
            f"import {imported[imported.index('arcuate') :].replace('/', '.')}\n" if name == importer else ""
        )
        tmp_path.joinpath(name, "__init__.py").write_text(text)
    tools = tmp_path / "tools"
    tools.mkdir()
    tools.joinpath("layers.py").write_text((ROOT / "tools/layers.py").read_text(encoding="utf-8"))
    # The small namespace alone: `site` would add the installed Arcuate's roots to it.
    paths = [str(tmp_path / root) for root in SOURCE_ROOTS]
    libraries = next(p for p in sys.path if p.endswith("site-packages"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", SMALL, str(tools), libraries, *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 1 broken" in done.stdout


SMALL = """
import sys
tools, libraries, *paths = sys.argv[1:]
sys.path[:0] = [tools, *paths]
sys.path.append(libraries)
import layers
sys.exit(layers.main())
"""
