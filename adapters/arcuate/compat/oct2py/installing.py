"""``install``: the face under the name ``oct2py``, for scripts that are not to be changed."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from arcuate.errors import InvalidArgument

__all__ = ["install"]

NAME = "oct2py"
FACE = "arcuate.compat.oct2py"


def install() -> None:
    """Puts the face into ``sys.modules`` under the name ``oct2py``; its classes then say so too.

    Raises:
        InvalidArgument: another ``oct2py`` was imported already.
    """
    face = importlib.import_module(FACE)
    known = sys.modules.get(NAME)
    if known is face:
        return
    if known is not None:
        raise InvalidArgument(
            f"{NAME} is imported already, from {known.__file__}; call install_as_oct2py() before that import"
        )
    sys.meta_path.insert(0, _Aliases())
    sys.modules[NAME] = face
    for module in ("core", "dynamic", "io", "settings", "utils", "workspace"):
        # Pickles and messages then name the classes as oct2py's do.
        for value in vars(importlib.import_module(f"{NAME}.{module}")).values():
            if isinstance(value, type) and value.__module__ == f"{FACE}.{module}":
                value.__module__ = f"{NAME}.{module}"


class _Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``oct2py.x`` as the module ``arcuate.compat.oct2py.x``, never as a second copy of it."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not fullname.startswith(f"{NAME}."):
            return None
        if importlib.util.find_spec(_real(fullname)) is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_real(spec.name))
        spec.loader_state = module.__spec__  # the machinery of import writes over it
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def _real(name: str) -> str:
    return FACE + name.removeprefix(NAME)
