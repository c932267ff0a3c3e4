"""One suite, run once per installed environment, and over each transport to a hub: the fixtures.

The environments come from the registry. ``python+grpc`` is Python in a hub that the suite starts as a process
(``arcuate serve``), reached by gRPC. Everyday runs take Python over every transport and a part of the suite
with the others; ``ARCUATE_OVER=all`` and ``make soak`` take everything over everything, ``ARCUATE_OVER=none``
leaves the hub out.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.contract import quirks as quirks_module
from tests.contract.processes import open_session, until
from tests.contract.quirks import HUB, OVER, Quirks

from arcuate.client import Session, environments
from arcuate.errors import ArcuateError
from arcuate.values import table

SOAK = bool(os.environ.get("ARCUATE_SOAK"))


@functools.cache
def absent(name: str) -> str:
    """Why an environment cannot be used here, or ``""``."""
    try:
        environment = environments()[name].load()
    except ImportError as error:
        return f"{name}: its package cannot be imported: {error}"
    report = environment.doctor()
    return "" if report.found else f"{name}: {'; '.join(report.missing) or 'not installed'}"


NAMES = [name for name in sorted(environments()) if name != "matlab" or not absent(name)]
"""MATLAB cannot be installed freely; that it is missing is said once, by tests/matlab/test_releases.py."""
WHERE = os.environ.get("ARCUATE_OVER", "all" if SOAK else "")
REMOTE = [] if WHERE == "none" else [f"{name}+{over}" for over in OVER for name in NAMES if name != "matlab"]
EVERYDAY = {
    ("r", "zmq"): (
        "test_callbacks",
        "test_errors",
        "test_handles",
        "test_output",
        "test_session",
        "test_values",
    ),
    ("octave", "http"): ("test_callbacks", "test_errors", "test_output", "test_session", "test_time"),
    ("octave", "grpc"): ("test_values",),
    ("python", "ipc"): ("test_callbacks", "test_crash", "test_values"),
}
"""What an everyday run takes of the other languages over the transports: the modules."""
SAMPLED = {("python", "grpc"), ("python", "zmq"), ("python", "ipc")}
"""Where it takes two rows of each section of the type table, and no values made up.

Each transport has all rows with some language (``octave+grpc``, ``r+zmq``, ``python+http``), and Python has
all of them here and over ``http``.
"""

ROWS = [f"{row.section}: {row.name}" for row in table.rows()]
SAMPLE = {
    name
    for _, section in itertools.groupby(ROWS, lambda name: name.partition(":")[0])
    for name in itertools.islice(section, 2)
}

_common: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.data_too_large,
    ],
    "database": None,
}
settings.register_profile("contract", max_examples=40, derandomize=True, **_common)
settings.register_profile("contract-soak", max_examples=2000, **_common)
PROFILE = settings.get_profile("contract-soak" if SOAK else "contract")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test with the languages, and over the transports, that its module takes."""
    if "quirks" in metafunc.fixturenames:
        names = [*NAMES, *(name for name in REMOTE if _taken(name, metafunc.module.__name__))]
        metafunc.parametrize("quirks", names, indirect=True, scope="session")


def _taken(name: str, module: str) -> bool:
    """Whether a module is run with a language over a transport."""
    name, _, over = name.partition("+")
    if WHERE == "all" or (name == "python" and over != "ipc"):
        return True
    return module.rpartition(".")[2] in EVERYDAY.get((name, over), ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A part of what goes over the transports is left out of the everyday run, not skipped."""
    out = [item for item in items if not _wanted(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        gone = {id(item) for item in out}
        items[:] = [item for item in items if id(item) not in gone]


def _wanted(item: pytest.Item) -> bool:
    """Whether a test over a transport is part of this run."""
    call: Any = getattr(item, "callspec", None)
    name, _, over = str(call.params.get("quirks", "") if call is not None else "").partition("+")
    if not over:
        return True
    if item.get_closest_marker("local"):
        return False
    if WHERE == "all" or (name, over) not in SAMPLED:
        return True
    if item.path.stem == "test_values" and call.params.get("name") in ROWS:
        return item.originalname == "test_round_trip" and call.params["name"] in SAMPLE  # type: ignore[attr-defined]
    return item.path.stem != "test_random"


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A hub of its own process, or the one whose endpoints stand in ``ARCUATE_TEST_HUB`` already."""
    if os.environ.get(HUB):
        yield
        return
    ready = tmp_path_factory.mktemp("hub") / "ready.json"
    address = "127.0.0.1:0"
    folder = tempfile.TemporaryDirectory(prefix="arcuate-test-")  # a socket's path must be short
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--ready-file", str(ready)]
    command += ["--grpc", address, "--zmq", address, "--http", address]
    command += ["--zmq", f"ipc://{folder.name}/hub"]
    # a session whose client was killed must be gone within the patience of the tests
    environ = {**os.environ, "ARCUATE_HUB_LIMITS__GRACE_SECONDS": "2"}
    environ["TMPDIR"] = str(tmp_path_factory.mktemp("tmp"))  # where no other run leaves anything
    with open(ready.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the hub is ready")
        assert process.poll() is None, ready.with_suffix(".log").read_text()
        endpoints = {**json.loads(ready.read_text()), "ipc": f"zmq+ipc://{folder.name}/hub"}
        os.environ[HUB] = json.dumps(endpoints)
        yield
    finally:
        os.environ.pop(HUB, None)
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            folder.cleanup()
    assert status == 0, ready.with_suffix(".log").read_text()


@pytest.fixture(scope="session")
def quirks(request: pytest.FixtureRequest) -> type[Quirks]:
    """The language that the test is run with, and the transport."""
    name: str = request.param
    local, _, over = name.partition("+")
    reason = absent(local)
    if reason:
        pytest.skip(reason)
    if over:
        request.getfixturevalue("hub")
    found = quirks_module.find(name, environments()[local].module)
    if found is None:
        pytest.fail(
            f"the environment {name!r} has no quirks: add a class to tests/contract/quirks.py, "
            f"or ship arcuate.{name}.contract with a QUIRKS"
        )
    return found


@pytest.fixture(scope="session")
def _long_lived(quirks: type[Quirks]) -> Iterator[Session]:
    session = open_session(quirks)
    yield session
    session.close()


@pytest.fixture
def session(_long_lived: Session, quirks: type[Quirks]) -> Iterator[Session]:
    """A session that tests share. It must answer afterwards, from the same interpreter as before."""
    generation = _long_lived.info["generation"]
    before = set(_long_lived)
    yield _long_lived
    if _long_lived.info["generation"] != generation:
        _long_lived.run(quirks.prelude)  # so that the next tests have what they need
        pytest.fail("the test lost the interpreter of the shared session")
    try:
        for name in set(_long_lived) - before:
            del _long_lived[name]
        assert _long_lived.call("arcuate_add", 1.5, 2.0) == 3.5, "the session does not work after the test"
    except ArcuateError:
        _long_lived.restart()
        _long_lived.run(quirks.prelude)
        raise


@pytest.fixture(scope="session")
def session_of() -> Iterator[Callable[[str], Session]]:
    """Sessions by name, for cases that are written for one language."""
    opened: dict[str, Session] = {}

    def find(name: str) -> Session:
        reason = absent(name)
        if reason:
            pytest.skip(reason)
        if name not in opened:
            quirks = quirks_module.find(name)
            assert quirks is not None
            opened[name] = open_session(quirks)
        return opened[name]

    yield find
    for one in opened.values():
        one.close()


@pytest.fixture
def fresh(quirks: type[Quirks]) -> Iterator[Callable[..., Session]]:
    """Opens sessions of the test's own and closes them afterwards."""
    opened: list[Session] = []

    def make(**options: Any) -> Session:
        opened.append(open_session(quirks, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
