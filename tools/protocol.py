"""The protocol definitions: style, comments, and no change that breaks a client that is out there.

    python tools/protocol.py              buf lint, and buf breaking against protos/baseline.json
    python tools/protocol.py --release    makes what protos/ says now the baseline: at each release

A change that breaks clients needs another major version (a folder protos/arcuate/v2), not a new baseline.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import environment

PROTOS = environment.ROOT / "protos"
BASELINE = PROTOS / "baseline.json"


def buf(*arguments: str) -> int:
    """Run the pinned buf inside protos/; return its exit status."""
    venv = environment.make_side("generate", environment.GENERATOR)
    program = environment.python_of(venv).with_name("buf")
    return subprocess.run([str(program), *arguments], cwd=PROTOS, check=False).returncode


def release() -> int:
    """Write the baseline."""
    status = buf("build", "--exclude-source-info", "-o", str(BASELINE))
    if not status:
        BASELINE.write_text(json.dumps(json.loads(BASELINE.read_text()), indent=1) + "\n", encoding="utf-8")
    return status


def check() -> int:
    """Lint, and compare with the baseline."""
    wrong = buf("lint")
    if buf("breaking", "--against", str(BASELINE)):
        print(
            "protos/ differs from the baseline in a way that breaks clients: add fields and methods, and "
            "leave those that exist as they are",
            file=sys.stderr,
        )
        wrong = 1
    return wrong


def main() -> int:
    """Check, or write the baseline."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", action="store_true", help="write the baseline")
    return release() if parser.parse_args().release else check()


if __name__ == "__main__":
    sys.exit(main())
