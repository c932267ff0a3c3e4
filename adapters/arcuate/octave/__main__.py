"""``python -m arcuate.octave``: builds the compiled helper for the Octave that would be used, and prints where it is."""

from __future__ import annotations

import sys

from arcuate.errors import EnvironmentNotFound
from arcuate.octave import OctaveEnvironment, helper


def main() -> int:
    """Builds the helper; exit status 1 where that is impossible."""
    try:
        print(helper.build(OctaveEnvironment().executable()))
    except EnvironmentNotFound as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
