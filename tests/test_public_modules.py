"""Every public module says what it is for and what it offers.

A module is public when no part of its name begins with an underscore. Every one must have a docstring and
every package an `__all__`; each name in an `__all__` exists, is there once, and none is private.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("clients/python", "adapters", "bridges")
# Read but not imported: programs that run in a process of their own, and what embeds R into the process.
APART = re.compile(r"^(import|from) rpy2|^if __name__ == ", re.MULTILINE)


def public_modules() -> dict[str, Path]:
    found = {}
    for root in SOURCE_ROOTS:
        for path in sorted((ROOT / root / "arcuate").rglob("*.py")):
            parts = path.relative_to(ROOT / root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            private = any(part.startswith("_") or part.endswith("_pb2") for part in name.split("."))
            if not private:
                found[name] = path
    return found


MODULES = public_modules()


def names_of_all(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return list(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None


@pytest.mark.parametrize("name", MODULES)
def test_says_what_it_is_for(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{name} has no docstring: say what the file is for"


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_package_has_all(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert names_of_all(tree) is not None, f"{name} has no literal __all__"


@pytest.mark.parametrize("name", MODULES)
def test_all_resolves(name: str) -> None:
    source = MODULES[name].read_text(encoding="utf-8")
    listed = names_of_all(ast.parse(source))
    if listed is None:
        return
    if not APART.search(source):
        module = importlib.import_module(name)
        assert [one for one in listed if not hasattr(module, one)] == []
    assert len(set(listed)) == len(listed)
    assert [one for one in listed if one.startswith("_")] == []
