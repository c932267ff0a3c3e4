"""`make setup`: everything Arcuate needs to run here, in .venv, with R and Octave beside it.

    python3 tools/setup.py             .venv with the `arcuate` command, R, Octave, an rpy2 that fits the R
    python3 tools/setup.py generate    .venv-generate: the pinned protobuf generator and buf
    python3 tools/setup.py tools       .tools: programs that tests use, Chromium among them; and peers
    python3 tools/setup.py test        these three, side by side: what `make test` needs
    python3 tools/setup.py bench       .venv-bench: the peers that the benchmark compares with
    python3 tools/setup.py peers       that, .venv-reticulate, R's reticulate and oracle, for `make peers`
    python3 tools/setup.py oracle      .venv-oracle: MATLAB's own array classes, which tests compare ours with

A second run finds its stamp and takes a second. `ARCUATE_REQUIRE=all` (or a list such as `r,octave`) makes a
missing interpreter an error; `ARCUATE_SYSTEM=no` forbids the use of the system's package manager.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036  (whatever `python3` is here runs this file)
    sys.exit(
        "Arcuate needs Python 3.10 or newer; this is " + sys.version + ". Try: make setup PYTHON=python3.12"
    )

import os
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import environment as env
import programs
import system


def find() -> list[system.Found]:
    """Find R, Octave and this Python, installing what is missing where that needs no password."""
    found = system.find_all()
    packages = system.packages_for(found)
    if packages:
        print(f"missing: {' '.join(packages)}", flush=True)
        if system.install(packages):
            found = system.find_all()
    if any(one.missing for one in found if one.name != "Python"):
        print(f"To install what is missing, type:\n\n    {system.install_command(found)}\n")
        print("and then `make setup` again.")
    return found


def ensure_venv(venv: Path) -> None:
    """Create the environment; on Debian, fetch the package that its Python needs for that."""
    try:
        env.create(venv)
    except env.SetupError as problem:
        if not system.install(["python3-venv"]):
            hint = "On Debian and Ubuntu: sudo apt-get install -y python3-venv"
            raise env.SetupError(
                f"{sys.executable} cannot create {venv.name}: {problem}\n{hint}"
            ) from problem
        env.create(venv)


def stop_if(problems: list[str], required: set[str]) -> None:
    """Say what is wrong, and stop if `ARCUATE_REQUIRE` asks for what it concerns."""
    for line in problems:
        print(f"make setup: {line}", file=sys.stderr)
    if any(line.split(":")[0] in required for line in problems):
        asked = os.environ["ARCUATE_REQUIRE"]
        raise env.SetupError(f"ARCUATE_REQUIRE={asked} asks for what is missing here: stopping.")


def build_helper(venv: Path) -> None:
    """Compile the Octave helper where there is a compiler; everything works without, only slower."""
    command = [str(env.python_of(venv)), "-m", "arcuate.octave"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"octave: no compiled helper, calls are slower: {done.stderr.strip().splitlines()[-1:]}")


def make_main(required: set[str]) -> None:
    """Make `.venv`, once what is required is there."""
    started = time.perf_counter()
    r, octave, python = find()
    problems = [f"{one.name.lower()}: not installed" for one in (r, octave) if not one.version]
    problems += [f"r: package {name} not installed" for name in r.missing if r.version]
    stop_if(problems, required)
    venv = env.ROOT / ".venv"
    stamp = env.stamp_of(env.packaging(), r.path, r.version, env.OLD_RPY2, env.NEW_RPY2)
    with env.locked(venv):
        if not env.is_current(venv, stamp):
            print("installing Arcuate and its tools into .venv", flush=True)
            ensure_venv(venv)
            env.pip(venv, "pip>=25.1", quiet=True)  # what comes with Python may take three times as long
            if not env.pip(venv, "-e", ".[dev]"):
                raise env.SetupError("pip could not install Arcuate's requirements: see its message above.")
            failure = env.install_rpy2(venv, r.numbers()) if r.version else ""
            if failure:
                stop_if([f"r: {failure}"], required)
            else:
                env.finish(venv, stamp)
    if octave.version:
        build_helper(venv)
    for one in (r, octave, python):
        print(f"{one.name:8}{one.version or 'not installed':16}{one.path}")
    print(f"ready in {time.perf_counter() - started:.1f} s")


def make_peers() -> list[str]:
    """Make what the bridges of others need, side by side; return what cannot be had: ``name: reason``."""
    problems = []
    asked = system.output_of("Rscript", "-e", 'cat(nzchar(system.file(package = "reticulate")))')
    if "TRUE" not in asked and not system.install(["r-cran-reticulate"]):
        problems.append("reticulate: not installed; on Debian type: sudo apt-get install r-cran-reticulate")
    sides = {"bench": env.PEERS, "reticulate": env.RETICULATE, "oracle": env.ORACLE}
    with ThreadPoolExecutor(len(sides)) as pool:
        made = {name: pool.submit(env.make_side, name, packages) for name, packages in sides.items()}
    for name, side in made.items():
        problem = side.exception()
        if isinstance(problem, env.SetupError):
            problems.append(f"{name}: {problem}")
        elif problem is not None:
            raise problem
    return problems


def make_tools() -> None:
    """Make the programs and peers that tests use; say which cannot be had."""
    problems = [*programs.install(), *programs.build_go_client()]
    try:
        oracle = env.make_side("oracle", env.ORACLE)
        problems += programs.fetch_sources(oracle / "bin" / "python")
    except env.SetupError as problem:
        problems.append(f"oracle: {problem}")
    for line in problems:
        print(f"make setup: {line}; the tests that need it are skipped", file=sys.stderr)


def make_all(required: set[str]) -> None:
    """Make what `make test` needs: pip waits for one, the compilers and the network for others."""
    with ThreadPoolExecutor(3) as pool:
        running: list[Future[object]] = [
            pool.submit(make_main, required),
            pool.submit(env.make_side, "generate", env.GENERATOR),
            pool.submit(make_tools),
        ]
    for one in running:
        one.result()


def main(arguments: list[str]) -> int:
    """Run one of the set-ups; return the exit status."""
    asked = os.environ.get("ARCUATE_REQUIRE", "")
    required = (
        {"r", "octave"} if asked == "all" else {name.strip() for name in asked.split(",") if name.strip()}
    )
    try:
        if arguments == ["generate"]:
            env.make_side("generate", env.GENERATOR)
            return 0
        if arguments == ["tools"]:
            make_tools()
            return 0
        if arguments == ["test"]:
            make_all(required)
            return 0
        if arguments == ["bench"]:
            env.make_side("bench", env.PEERS)
            return 0
        if arguments == ["peers"]:
            for line in make_peers():
                print(f"make setup: {line}; its column is left out", file=sys.stderr)
            return 0
        if arguments == ["oracle"]:
            env.make_side("oracle", env.ORACLE)
            return 0
        if arguments:
            print(__doc__)
            return 2
        make_main(required)
    except env.SetupError as problem:
        print(f"make setup: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
