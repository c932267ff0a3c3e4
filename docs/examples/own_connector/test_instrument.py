"""Its tests: what all connectors promise."""

from collections.abc import Iterator
from typing import Any

import pytest
from instrument import Instrument
from simulator import simulator

from arcuate.connector.testing import NetworkContract


class TestInstrument(NetworkContract):
    secret = "open-sesame-17"

    @pytest.fixture
    def address(self) -> Iterator[str]:
        with simulator() as url:
            yield url

    def connector(self, url: str, **settings: Any) -> Instrument:
        return Instrument(url=url, access_code=self.secret, **settings)

    def use(self, connector: Instrument) -> object:
        return connector.ask("MEAS:VOLT?")

    def stranger(self, url: str) -> Instrument:
        return Instrument(url=url, access_code="wrong")
