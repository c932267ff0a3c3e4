"""The genuine array classes, made and started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.compat.arrays.oracle import NotHere, Oracle, install


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    try:
        install()
    except NotHere as problem:
        pytest.skip(f"oracle: matlab-prodserver-client is not to be had here: {problem}")
    genuine = Oracle()
    yield genuine
    genuine.close()
