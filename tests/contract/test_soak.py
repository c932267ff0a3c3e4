"""The long versions, run by ``make soak``; a sample of each stands among the everyday tests."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
from tests.contract.processes import children, descriptors, open_session, until
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import CallTimeout

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def test_ten_thousand_calls(session: Session) -> None:
    array = np.arange(20_000.0)
    for _ in range(3):
        session.call("arcuate_add", array, 1.0)
    gc.collect()
    before = len(descriptors())  # with the pieces of shared memory that are used again
    for i in range(10_000):
        assert session.call("arcuate_add", float(i), 1.0) == i + 1.0
        if i % 100 == 0:
            assert np.array_equal(np.ravel(session.call("arcuate_add", array, float(i))), array + i)
            assert session.call("arcuate_apply", lambda x: x, float(i)) == float(i)
        if i % 500 == 0:
            with pytest.raises(CallTimeout):
                session.call("arcuate_sleep", 60, nargout=0, timeout=0.02)
    gc.collect()
    assert len(descriptors()) <= before + 2


def test_two_hundred_sessions(quirks: type[Quirks], session: Session) -> None:
    """One after the other, and twenty at a time."""
    started = children()
    gc.collect()
    before = len(descriptors())
    for round_ in range(10):
        opened = [open_session(quirks) for _ in range(20)]
        for number, one in enumerate(opened):
            one["x"] = float(number)
        for number, one in enumerate(opened):
            assert one["x"] == float(number)
            if (number + round_) % 2:
                one.close()
            else:
                os.kill(one.info["pid"], 9)
                one.close()
    del opened, one
    gc.collect()
    until(lambda: children() <= started, "all interpreters end")
    assert len(descriptors()) <= before


def test_a_hundred_timeouts(session: Session) -> None:
    session["kept"] = 4.5
    for i in range(100):
        with pytest.raises(CallTimeout):
            session.call("arcuate_spin", lambda: None, nargout=0, timeout=0.005 + i / 2000)
        assert session.call("arcuate_add", float(i), 1.0) == i + 1.0
    assert session["kept"] == 4.5


def test_eighty_megabytes_a_hundred_times(session: Session) -> None:
    array = np.zeros((1000, 10_000))
    gc.collect()
    before = len(descriptors())
    for i in range(100):
        array[i, i] = i
        assert np.array_equal(session.call("arcuate_id", array), array)
    gc.collect()
    assert len(descriptors()) <= before + 4
