"""``--measure``: a scalar call and 80 MB there and back, each client beside the Python client.

Both programs call the same function in an environment of the same hub over the same kind of endpoint, in
turn, several rounds; what is reported is the ratio of the medians. ``own`` is the part that the client spends
in its own encoding, decoding and conversion, as it says itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from arcuate.matrix import answers
from arcuate.matrix.client import Client, Transport
from arcuate.matrix.features import sent
from arcuate.matrix.languages import LANGUAGES
from arcuate.matrix.program import Ended
from arcuate.matrix.seat import Seat
from arcuate.matrix.servers import Servers

__all__ = ["WORK", "measure"]

WORK: dict[str, tuple[Callable[[], Any], int]] = {
    "scalar": (lambda: 2.5, 300),
    "array": (lambda: np.random.default_rng(20).standard_normal(10_000_000), 3),
}
"""The two works: the value, and how often a round sends it."""
_ROUNDS = 3
_SECONDS = 300.0


def measure(
    clients: Sequence[Client],
    servers: Servers,
    *,
    environment: str = "python",
    transports: Sequence[str] = (),
    rounds: int = _ROUNDS,
    told: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Measures all clients that can run here; one after the other, nothing else runs.

    Args:
        clients: all clients; the one called ``python`` is the measure.
        servers: the hubs.
        environment: where the function is.
        transports: only these, by their name or the kind of endpoint.
        rounds: how often the two take turns.
        told: told what is measured now.
    """
    python = next((one for one in clients if one.client == "python"), None)
    found: list[dict[str, Any]] = []
    for one in clients:
        if one.missing():
            continue
        for way in one.transports:
            if (transports and way.name not in transports and way.url not in transports) or one.missing(way):
                continue
            told(f"{one.client} over {way.name}")
            found += _beside(one, way, python, environment, servers, rounds)
    return found


def _beside(
    one: Client, way: Transport, python: Client | None, environment: str, servers: Servers, rounds: int
) -> list[dict[str, Any]]:
    preludes = (LANGUAGES[environment].prelude,)
    other = next((its for its in python.transports if its.url == way.url), None) if python else None
    seats = [Seat(one, way, environment, servers, preludes)]
    if python is not None and other is not None and one is not python:
        seats.append(Seat(python, other, environment, servers, preludes))
    found = []
    try:
        for work, (make, repeat) in WORK.items():
            report: dict[str, Any] = {
                "client": one.client, "transport": way.name, "environment": environment, "work": work,
                "target": getattr(one.own, work),
            }  # fmt: skip
            if one.reason(("measure",), way.name):
                found.append({**report, "detail": f"unsupported: {one.reason(('measure',), way.name)}"})
                continue
            try:
                times = _rounds(seats, make(), repeat, rounds)
            except (
                Ended, answers.Malformed, answers.Declined, answers.Refused, answers.Crash,
            ) as error:  # fmt: skip
                found.append({**report, "detail": str(error)})
                continue
            medians = [statistics.median(seconds) for seconds, _ in times]
            own = [part for part in times[0][1] if part >= 0]
            report |= {"seconds": medians[0], "python": medians[-1], "ratio": medians[0] / medians[-1]}
            found.append({**report, "own": statistics.median(own) if own else None})
    finally:
        for seat in seats:
            seat.end()
    return found


def _rounds(
    seats: Sequence[Seat], value: Any, repeat: int, rounds: int
) -> list[tuple[list[float], list[float]]]:
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in seats]
    given = [sent(seat, value) for seat in seats]
    for _ in range(rounds):
        for number, seat in enumerate(seats):
            done = seat.ask("measure", _SECONDS, name="arcuate_id", value=given[number], repeat=repeat)
            times[number][0].extend(done.seconds)
            times[number][1].extend(done.own)
    return times
