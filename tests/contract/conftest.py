"""One suite, run once per installed environment: the fixtures, parametrised from the registry."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.contract import quirks as quirks_module
from tests.contract.processes import open_session
from tests.contract.quirks import Quirks

from arcuate.client import Session, environments
from arcuate.errors import ArcuateError

SOAK = bool(os.environ.get("ARCUATE_SOAK"))
NAMES = sorted(environments())

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `soak` are left out of the everyday run, not skipped."""
    if SOAK or "soak" in (config.option.markexpr or ""):
        return
    out = [item for item in items if item.get_closest_marker("soak")]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@functools.cache
def absent(name: str) -> str:
    """Why an environment cannot be used here, or ``""``."""
    try:
        environment = environments()[name].load()
    except ImportError as error:
        return f"{name}: its package cannot be imported: {error}"
    report = environment.doctor()
    return "" if report.found else f"{name}: {'; '.join(report.missing) or 'not installed'}"


@pytest.fixture(scope="session", params=NAMES)
def quirks(request: pytest.FixtureRequest) -> type[Quirks]:
    """The language that the test is run with."""
    name: str = request.param
    reason = absent(name)
    if reason:
        pytest.skip(reason)
    found = quirks_module.find(name, environments()[name].module)
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
