from __future__ import annotations

from collections.abc import Iterator

import pytest

from .nats_server import NATSServer, nats_server


@pytest.fixture(scope="module")
def server() -> Iterator[NATSServer]:
    with nats_server() as one:
        yield one
