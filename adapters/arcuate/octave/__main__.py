"""``python -m arcuate.octave``: builds the compiled helper for the Octave that would be used."""

from __future__ import annotations

import sys

from arcuate.errors import EnvironmentNotFound
from arcuate.octave import OctaveEnvironment, helper


def main() -> int:
    """Builds the helper; exit status 1 where that is impossible."""
    try:
        sys.stdout.write(f"{helper.build(OctaveEnvironment().executable())}\n")
    except EnvironmentNotFound as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
