"""The environment with MathWorks' Production Server client, in .venv-mps-client: made once, for tests alone.

Its package installs a top-level `matlab`, which must never be in .venv.

    python tools/oracle.py       makes it, and prints the path of its interpreter
"""

from __future__ import annotations

import sys
from pathlib import Path

import environment as env

CLIENT = ("matlab-prodserver-client==26.1",)


def interpreter() -> Path:
    """Return the interpreter of the environment, which is made if it is not there.

    Raises:
        SetupError: it cannot be made here.
    """
    return env.python_of(env.make_side("mps-client", CLIENT))


if __name__ == "__main__":
    try:
        print(interpreter())
    except env.SetupError as problem:
        sys.exit(f"tools/oracle.py: {problem}")
