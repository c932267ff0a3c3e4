"""The library of LSL itself: loaded and configured once, and descriptions of streams read and written."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from arcuate.errors import InvalidArgument, Unsupported

__all__ = ["FORMATS", "Network", "described", "library", "outlet_info"]

Network = Literal["machine", "link", "site", "configured"]
FORMATS = ("undefined", "float32", "double64", "string", "int32", "int16", "int8", "int64")
"""Names of LSL's types, by its numbers."""
_QUIET = "[log]\nlevel = -3\n"
_CONFIGURATION = {
    # Known peers: of several outlets on one machine only one would hear what is sent to the shared port.
    "machine": "[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n"
    "[lab]\nKnownPeers = {127.0.0.1}\n[ports]\nIPv6 = disable\n"
    # Waits for networks, which are not needed here: a stream is opened in 0.4 s instead of 1.4 s.
    "[tuning]\nMulticastMinRTT = 0.1\nMulticastMaxRTT = 0.5\nUnicastMinRTT = 0.1\nUnicastMaxRTT = 0.5\n"
    "TimeProbeInterval = 0.01\nTimeProbeMaxRTT = 0.05\n" + _QUIET,
    "link": "[multicast]\nResolveScope = link\n" + _QUIET,
    "site": "[multicast]\nResolveScope = site\n" + _QUIET,
}
_lock = threading.Lock()
_configured: str | None = None


def library(network: Network) -> Any:
    """The module pylsl, told how far it may look. liblsl has one configuration in a process.

    Raises:
        Unsupported: it is not installed.
        InvalidArgument: it was configured otherwise.
    """
    global _configured
    with _lock:
        try:
            import pylsl
        except ModuleNotFoundError:
            raise Unsupported("LSL needs a library; type: pip install 'arcuate[streaming]'") from None
        except (RuntimeError, OSError) as error:
            raise Unsupported(
                f"pylsl found no liblsl ({error}); most of its wheels bring it; elsewhere "
                "install liblsl and name its file in the environment variable PYLSL_LIB"
            ) from None
        if _configured is None:
            if network != "configured":
                pylsl.set_config_content(_CONFIGURATION[network])
            _configured = network
        elif _configured != network:
            raise InvalidArgument(
                f"LSL has one configuration in a process, and here it is network={_configured!r} already; "
                f"got {network!r}"
            )
    return pylsl


def described(info: Any) -> dict[str, Any]:
    """A stream's whole description; several elements of one name become a list."""
    found = _mapping(info.desc().parent())
    return found if isinstance(found, dict) else {}


def _mapping(element: Any) -> dict[str, Any] | str:
    found: dict[str, Any] = {}
    child = element.first_child()
    while not child.empty():
        if child.is_text():
            return str(element.child_value())
        name, value = str(child.name()), _mapping(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
        child = child.next_sibling()
    return found or ""


def outlet_info(
    lsl: Any,
    *,
    name: str,
    type: str,  # noqa: A002  (LSL's word)
    source_id: str,
    rate: float | None,
    dtype: np.dtype[Any],
    count: int,
    labels: Mapping[str, list[str]],
) -> Any:
    """The description of a stream to be written."""
    kind = {"float64": "double64", "object": "string"}.get(dtype.name, dtype.name)
    info = lsl.StreamInfo(name, type, count, rate or lsl.IRREGULAR_RATE, kind, source_id)
    if labels:
        channels = info.desc().append_child("channels")
        for place in range(count):
            channel = channels.append_child("channel")
            for key, texts in labels.items():
                channel.append_child_value(key, texts[place])
    return info
