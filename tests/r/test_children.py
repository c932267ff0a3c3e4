"""Children of R's package parallel: copies of the worker, with no part in its channel."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from arcuate.client import Session, connect
from arcuate.errors import CallTimeout


@pytest.fixture(scope="module")
def r() -> Iterator[Session]:
    with connect("r") as session:
        session.run("library(parallel); kept <- 42")
        yield session


def test_children_compute_and_call_programs(r: Session) -> None:
    """Many: a child that took Python's lock with it, held by a thread that it has not, would never end."""
    r.run("end <- function(i) system(paste('exit', i))")
    for _ in range(6):
        found = r.eval("unlist(mclapply(1:8, end, mc.cores = 4, mc.preschedule = FALSE))")
        assert found.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_what_children_say_is_theirs(r: Session) -> None:
    said: list[str] = []
    found = r.call(
        "mclapply",
        [1.0, 2.0],
        r.eval("function(x) { message('from a child'); warning('and this'); cat('printed\\n'); x + 1 }"),
        on_output=lambda _, text: said.append(text),
        named={"mc.cores": 2},
    )
    assert list(found) == [2.0, 3.0]
    text = "".join(said)
    assert (text.count("from a child"), text.count("and this"), text.count("printed")) == (2, 2, 2)


def test_a_child_that_is_ended_ends_nobody_else(r: Session) -> None:
    pid = r.info["pid"]
    for number in ("SIGTERM", "SIGHUP", "SIGINT"):
        r.run(f"p <- mcparallel(Sys.sleep(60)); tools::pskill(p$pid, tools::{number})")
        assert r.eval("suppressWarnings(mccollect(p)[[1]])") is None
        assert r["kept"] == 42.0
    r.run("p <- mcparallel(quit('no', 3)); invisible(suppressWarnings(mccollect(p)))")
    assert r.eval("dir.exists(tempdir())") is True
    assert (r.info["pid"], r["kept"]) == (pid, 42.0)


def test_a_function_of_the_caller_is_not_for_children(r: Session) -> None:
    r["ours"] = lambda x: x
    said = r.eval("as.character(suppressWarnings(mclapply(1:2, function(i) ours(i), mc.cores = 2))[[1]])")
    assert "only in the process that was given it, not in a child" in said
    assert r.call("sapply", [1.0, 2.0], lambda x: x + 1).tolist() == [2.0, 3.0]


def test_a_time_limit_ends_children_too(r: Session) -> None:
    with pytest.raises(CallTimeout):
        r.eval("mclapply(1:2, function(i) Sys.sleep(60), mc.cores = 2)", timeout=0.5)
    assert r["kept"] == 42.0
    assert r.eval("length(parallel:::children())") == 0
    with open(f"/proc/{r.info['pid']}/task/{r.info['pid']}/children") as found:
        alive = [pid for pid in found.read().split() if os.path.exists(f"/proc/{pid}/exe")]
    assert not alive
