"""The layer contract, kept by import-linter: clients/python <- adapters <- bridges, imports only downward.

The three source roots say which module is in which layer, so a new folder needs no change here. Within the
adapters, `worker` is below the environments, and one environment never imports another.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("connector", "jsonform", "worker")  # adapters that other adapters build on
ABOVE = ("integrations",)  # adapters that gather others


def modules(source_root: str) -> list[str]:
    """Return the names of the packages and modules that one source root holds, such as `arcuate.client`."""
    found = [
        path
        for path in (ROOT / source_root / "arcuate").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    return sorted(f"arcuate.{path.stem}" for path in found)


def contract() -> str:
    """Return the configuration for import-linter.

    In a layer, `:` allows imports among its members and `|` does not.
    """
    adapters = modules("adapters")
    shared = [name for name in adapters if name.removeprefix("arcuate.") in SHARED]
    above = [name for name in adapters if name.removeprefix("arcuate.") in ABOVE]
    layers = [
        " : ".join(modules("bridges")),
        " : ".join(above),
        " | ".join(name for name in adapters if name not in [*shared, *above]),
        " : ".join(shared),
        " : ".join(modules("clients/python")),
    ]
    listed = "".join(f"    {layer}\n" for layer in layers if layer)
    return (
        "[importlinter]\nroot_packages =\n    arcuate\n\n"
        "[importlinter:contract:layers]\n"
        "name = clients/python <- adapters <- bridges, imports only downward\n"
        f"type = layers\nlayers =\n{listed}"
    )


def main() -> int:
    """Check the contract; return 0 when it is kept."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "layers.ini")
        config.write_text(contract(), encoding="utf-8")
        return lint_imports(config_filename=os.fspath(config), no_cache=True)


if __name__ == "__main__":
    sys.exit(main())
