"""S3 in bounded memory: up and down in a process of its own, which looks at what it takes at most."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_MOVE = """
import sys
from pathlib import Path
from tests.storage import servers

def memory(field):
    return int(Path("/proc/self/status").read_text().partition(field + ":")[2].split()[0]) / 1024

port, source, target = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
with servers.s3(port, "work/memory", state=str(target.parent)) as storage:
    storage.exists("x")
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    storage.upload(source, "x")
    storage.download("x", target)
    assert target.stat().st_size == source.stat().st_size
    print(memory("VmHWM") - before)
    if source.stat().st_size < 100_000_000:  # Moto reads all of an object for each range of it
        with servers.s3(port, "work/memory", ranges=4) as other:
            other.exists("x")
            Path("/proc/self/clear_refs").write_text("5")
            before = memory("VmRSS")
            other.download("x", target)
            print(memory("VmHWM") - before)
    storage.delete("x")
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="linux: not here, /proc is missing")
@pytest.mark.parametrize("size", [50, pytest.param(1000, marks=pytest.mark.soak)])
def test_memory_is_bounded(moto: int, tmp_path: Path, size: int) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(size * 1_000_000)
        for place in range(0, size * 1_000_000, 1_000_000):
            file.seek(place)
            file.write(place.to_bytes(8, "little"))
    command = [sys.executable, "-c", _MOVE, str(moto), str(source), str(tmp_path / "target")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=600, cwd=Path(__file__).parents[2]
    )
    for more in done.stdout.split():
        assert float(more) < 40  # 64 are allowed; the whole file would be more
