"""How a worker ends against its will, and what the caller is told of it."""

from __future__ import annotations

import signal

from arcuate.client.transport import Call
from arcuate.errors import ArcuateError, CallCancelled, CallTimeout, EnvironmentCrashed, ProtocolError

__all__ = ["Malformed", "crashed", "lost"]


class Malformed(Exception):
    """What came from the worker cannot be understood: the channel is out of step.

    Attributes:
        error: what the caller gets.
    """

    def __init__(self, error: ArcuateError | str) -> None:
        super().__init__(str(error))
        self.error = ProtocolError(error) if isinstance(error, str) else error


def lost(language: str, grace: float, call: Call) -> ArcuateError:
    """A worker that did not react to an interrupt was killed."""
    lost = (
        f"{language} did not react to the interrupt within {grace:g} s and was killed: "
        f"its variables are lost, the next call starts a fresh one"
    )
    if call.cancelled:
        return CallCancelled(f"the call was cancelled; {lost}", executed="maybe", workspace=False)
    return CallTimeout(f"the call took longer than its timeout; {lost}", executed="maybe", workspace=False)


def crashed(language: str, code: int | None, lived: bool, output: str) -> EnvironmentCrashed:
    """A worker ended during a call.

    Args:
        language: what it ran.
        code: its exit status.
        lived: whether it still lived when its channel was closed.
        output: what it printed last.
    """
    if code is None:
        how = "ended"
    elif lived and code == -signal.SIGKILL:
        how = "closed its channel to this side and was killed"
    elif code < 0:
        how = f"was ended by {_signal_name(-code)}"
    else:
        how = f"ended with status {code}"
    return EnvironmentCrashed(
        f"{language} {how} during the call; its variables are lost, the next call starts a fresh one",
        output=output,
        returncode=code,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the real-time signals
        return f"signal {number}"
