"""The test kit for connectors: subclass a contract, say how yours is made and used, and run pytest.

:class:`ConnectorContract` checks what every connector promises, :class:`NetworkContract` also what it
promises about servers and networks that fail; :class:`FaultProxy` makes them fail, in tests of your own too.
"""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError:  # pragma: no cover
    raise ModuleNotFoundError("the test kit for connectors needs pytest; type: pip install pytest") from None

pytest.register_assert_rewrite("arcuate.connector.testing.contract", "arcuate.connector.testing.network")

from arcuate.connector.testing.contract import ConnectorContract  # noqa: E402
from arcuate.connector.testing.network import NetworkContract  # noqa: E402
from arcuate.connector.testing.proxy import Fault, FaultProxy  # noqa: E402

__all__ = ["ConnectorContract", "Fault", "FaultProxy", "NetworkContract"]
