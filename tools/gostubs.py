"""Messages and services of protos/arcuate/v1 as Go, for clients/go.

The compiler is that of the Python code (tools/environment.py); its two plugins are Go programs, pinned in
tools/programs.py and made in .tools. A machine without Go leaves these files out of what it generates and
checks, and says so; with ARCUATE_REQUIRE=all that is an error.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import environment
import programs

TARGET = Path("clients/go/internal/arcuatev1")
PACKAGE = "arcuate.invalid/go/internal/arcuatev1"
PLUGINS = ("protoc-gen-go", "protoc-gen-go-grpc")


def go_messages() -> dict[Path, str]:
    """Return the files below the repository with their content; none where Go is missing."""
    problems = programs.install_go(PLUGINS)
    if problems:
        reason = "; ".join(problems)
        if os.environ.get("ARCUATE_REQUIRE", "").strip() == "all":
            raise SystemExit(f"{TARGET}: cannot be generated: {reason}. Install Go, https://go.dev/dl")
        print(f"{TARGET}: left out: {reason}", flush=True)
        root = environment.ROOT
        return {path.relative_to(root): path.read_text() for path in sorted((root / TARGET).glob("*.go"))}
    protos = environment.ROOT / "protos"
    sources = [
        path.relative_to(protos).as_posix() for path in sorted((protos / "arcuate/v1").glob("*.proto"))
    ]
    python = environment.python_of(environment.make_side("generate", environment.GENERATOR))
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), "-m", "grpc_tools.protoc", f"-I{protos}"]
        for plugin, option in zip(PLUGINS, ("go", "go-grpc"), strict=True):
            command += [f"--plugin={plugin}={programs.FOLDER / 'bin' / plugin}", f"--{option}_out={folder}"]
            command += [f"--{option}_opt=module={PACKAGE}"]
            command += [f"--{option}_opt=M{source}={PACKAGE}" for source in sources]
        done = subprocess.run([*command, *sources], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"protoc refused the definitions for Go:\n{done.stderr}")
        return {TARGET / path.name: path.read_text() for path in sorted(Path(folder).glob("*.go"))}
