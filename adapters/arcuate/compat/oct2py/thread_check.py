"""``thread_check``: sessions in several threads do not see one another's variables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from arcuate.compat.oct2py.core import Oct2Py
from arcuate.compat.oct2py.utils import Oct2PyError

__all__ = ["thread_check"]


def thread_check(nthreads: int = 3) -> None:
    """Opens a session in each of several threads and looks whether they are separate.

    Raises:
        Oct2PyError: one saw another's variable.
    """
    with ThreadPoolExecutor(nthreads) as threads:
        found = list(threads.map(_own_value, range(nthreads)))
    if found != list(range(nthreads)):
        raise Oct2PyError(f"sessions of {nthreads} threads saw one another's variables: {found}")


def _own_value(number: int) -> int:
    with Oct2Py() as session:
        session.push("name", float(number))
        return int(session.pull("name"))
