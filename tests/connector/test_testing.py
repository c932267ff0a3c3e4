"""The kit finds what it is there to find: connectors that break one promise each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
BROKEN = """
import contextlib
import pytest
from instrument import Instrument
from simulator import simulator
from arcuate.connector import ConnectionError, IntegrationError
from arcuate.connector.testing import NetworkContract


class Kit(NetworkContract):
    secret = "open-sesame-17"
    patience = 1.5

    @pytest.fixture
    def address(self):
        with simulator() as url:
            yield url

    def connector(self, url, **settings):
        return self.kind(url=url, access_code=self.secret, **settings)

    def use(self, connector):
        return connector.ask("MEAS:VOLT?")


class TestNoEnd(Kit):
    class kind(Instrument):
        kept = []
        def _close(self):
            self.kept.append(self._line)


class TestBareError(Kit):
    class kind(Instrument):
        def _connect(self):
            try:
                super()._connect()
            except OSError as error:
                raise RuntimeError("no") from error


class TestNoCause(Kit):
    class kind(Instrument):
        def _asked(self, question):
            try:
                return super()._asked(question)
            except IntegrationError as error:
                error.__cause__ = None
                raise


class TestNotRecoverable(Kit):
    class kind(Instrument):
        def _asked(self, question):
            try:
                return super()._asked(question)
            except IntegrationError as error:
                error.recoverable = False
                raise


class TestTalkative(Kit):
    class kind(Instrument):
        def __repr__(self):
            return super().__repr__() .replace("<", f"<{self.config.access_code.get_secret_value()} ")


class TestTellsInErrors(Kit):
    class kind(Instrument):
        def _connect(self):
            try:
                super()._connect()
            except OSError as error:
                code = self.config.access_code.get_secret_value()
                raise ConnectionError(f"instrument: {code}", service=self.name) from error


class TestEndlessPatience(Kit):
    class kind(Instrument):
        def __init__(self, config=None, /, **arguments):
            super().__init__(config, **{**arguments, "timeouts": {"read": 1000}})


class TestAlwaysAnew(Kit):
    class kind(Instrument):
        def _still_open(self):
            pass


class TestHealthRaises(Kit):
    class kind(Instrument):
        def health(self):
            self._asked("*IDN?")
            return super().health()


class TestNothingRepeated(Kit):
    class kind(Instrument):
        def ask(self, question):
            return self.resilience.run(lambda: self._asked(question)).value


class TestFailsSoon(Kit):
    class kind(Instrument):
        def ask(self, question):
            raise IntegrationError("instrument: it is out of order", service=self.name)
"""
FOUND = {
    "TestNoEnd": "test_nothing_is_left",
    "TestBareError": "test_nobody_listens",
    "TestNoCause": "test_an_error_of_what_is_not_there",
    "TestNotRecoverable": "test_it_ends_the_connection[reset]",
    "TestTalkative": "test_secrets_are_not_shown",
    "TestTellsInErrors": "test_nobody_listens",
    "TestEndlessPatience": "test_it_falls_silent",
    "TestAlwaysAnew": "test_after_the_end_nothing_goes",
    "TestHealthRaises": "test_health_of_what_is_not_there",
    "TestNothingRepeated": "test_what_may_be_repeated_is",
    "TestFailsSoon": "test_closing_during_use",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of the chosen check of each, and of one that each of them passes."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "test_broken.py").write_text(BROKEN)
    chosen = [f"test_broken.py::{name}::{check}" for name, check in FOUND.items()]
    chosen += [
        f"test_broken.py::{name}::test_it_opens_and_closes_twice" for name in ("TestNoCause", "TestNoEnd")
    ]
    example = ROOT / "docs/examples/own_connector"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--junit-xml=found.xml",
        *chosen,
    ]
    subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(example)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return {
        f"{case.attrib['classname'].rpartition('.')[2]} {case.attrib['name']}": "".join(
            one.attrib["message"] for one in case if one.tag in ("failure", "error")
        )
        for case in ElementTree.parse(folder / "found.xml").iter("testcase")
    }


@pytest.mark.parametrize("name", FOUND)
def test_what_is_broken_is_found(outcomes: dict[str, str], name: str) -> None:
    assert outcomes[f"{name} {FOUND[name]}"]


def test_what_is_well_passes(outcomes: dict[str, str]) -> None:
    passed = [name for name, message in outcomes.items() if not message]
    assert passed == [
        "TestNoCause test_it_opens_and_closes_twice",
        "TestNoEnd test_it_opens_and_closes_twice",
    ]


def test_the_messages_say_what_to_do(outcomes: dict[str, str]) -> None:
    for name, said in (
        ("TestBareError", "raise an IntegrationError"),
        ("TestNoCause", "raise ... from it"),
        ("TestTalkative", "the secret can be read"),
        ("TestEndlessPatience", "some wait of it has no bound"),
        ("TestAlwaysAnew", "no SessionClosed"),
        ("TestNothingRepeated", "it was not tried again"),
        ("TestFailsSoon", "it is out of order"),
    ):
        assert said in outcomes[f"{name} {FOUND[name]}"]
