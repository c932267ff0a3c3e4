"""``python -m arcuate``: the same as the ``arcuate`` command."""

from __future__ import annotations

from arcuate.cli import main

if __name__ == "__main__":
    main()
