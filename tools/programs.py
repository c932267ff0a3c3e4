"""Programs that tests use as peers and that no Python package holds, in .tools/bin: pinned, made once.

They are written in Go. Without Go they are left out, and the tests that need them say so and are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable

import environment as env

FOLDER = env.ROOT / ".tools"
GO = {
    "grpcurl": ("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3"),
    "protoc-gen-go": ("google.golang.org/protobuf/cmd/protoc-gen-go", "v1.36.12"),
    "protoc-gen-go-grpc": ("google.golang.org/grpc/cmd/protoc-gen-go-grpc", "v1.6.2"),
}
"""Name: (module, version)."""


def install(names: Iterable[str] = tuple(GO)) -> list[str]:
    """Make what is missing of these; return what could not be made, as lines ``name: reason``."""
    problems = []
    bin_folder = FOLDER / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    with env.locked(FOLDER / "go"):
        for name in names:
            module, version = GO[name]
            mark = FOLDER / f"{name}.version"
            if (bin_folder / name).exists() and mark.is_file() and mark.read_text() == version:
                continue
            go = shutil.which("go")
            if go is None:
                problems.append(f"{name}: Go is not installed")
                continue
            print(f"building {name} {version} with Go", flush=True)
            started = time.perf_counter()
            done = subprocess.run(
                [go, "install", f"{module}@{version}"],
                env={**os.environ, "GOBIN": str(bin_folder)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["go install failed"])[-1]
                problems.append(f"{name}: {last}")
                continue
            mark.write_text(version)
            print(f"{name} made in {time.perf_counter() - started:.0f} s")
    return problems


CLIENT = env.ROOT / "clients/go"
CLIENT_MARK = FOLDER / "go-client.version"
"""Says for which dependencies the Go client was compiled: they take a minute, itself a second."""


def build_go_client() -> list[str]:
    """Compile the Go client, so that its tests are quick; return problems as :func:`install` does."""
    go = shutil.which("go")
    if go is None:
        return ["go: Go is not installed"]
    wanted = env.stamp_of(*((CLIENT / name).read_text() for name in ("go.mod", "go.sum")))
    if CLIENT_MARK.is_file() and CLIENT_MARK.read_text() == wanted:
        return []
    print("building clients/go", flush=True)
    FOLDER.mkdir(exist_ok=True)
    for command in (["vet", "./..."], ["build", "-o", os.devnull, "./..."], ["test", "-run", "^$", "./..."]):
        done = subprocess.run([go, *command], cwd=CLIENT, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"go {command[0]} failed"])[-1]
            return [f"go: {last}"]
    CLIENT_MARK.write_text(wanted)
    return []
