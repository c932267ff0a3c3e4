"""The example of the documentation with MathWorks' client, as the page shows it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from arcuate.hub import Server
from arcuate.hub.settings import load

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/production_server"


def test_their_client_prints_what_the_page_says(oracle: Path, octave: str) -> None:
    config = load({"mps": ["127.0.0.1:0"]}, EXAMPLE / "arcuate.toml", environ=False).config
    with Server(config) as server:
        done = subprocess.run(
            [str(oracle), str(EXAMPLE / "client.py"), server.endpoints["mps"]],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (EXAMPLE / "client.out").read_text()
