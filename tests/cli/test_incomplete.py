"""Whether typed code goes on in the next line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.support import needs_r

from arcuate.cli.incomplete import incomplete, octave_open
from arcuate.client import Session, connect


@pytest.mark.parametrize(
    "code",
    [
        "x = [1 2",
        "x = {1, ...",
        "for i = 1:3",
        "if x\n  y",
        "function f(x)",
        "%{\ncomment",
        "switch x\n case 'end'",
        "do\n x++",
        "while true",
        "a = f(1,",
        "try\n error('end')",
        "x = y'; if x(end)",
        "x = [1; 2;",
        'x = ["a" ; % end\n',
    ],
)
def test_octave_goes_on(code: str) -> None:
    assert octave_open(code)


@pytest.mark.parametrize(
    "code",
    [
        "x = [1 2]",
        "x = [1 2]'",
        "x = 'it''s (';",
        'x = "a \\" [";',
        "for i = 1:3, i, end",
        "if x, y, endif",
        "x(end)",
        "x = y.end_time",
        "s.if = 1",
        "a' * b'",
        "% for",
        "# if (",
        "x = 1; # [",
        "%{\ncomment\n%}",
        "do\n x++\nuntil x > 3",
        "x{end}'",
        "disp('for')",
        "f = @(x) x(end)",
        "function f(x)\n  x\nend",
        "x = ]",
    ],
)
def test_octave_is_whole(code: str) -> None:
    assert not octave_open(code)


@pytest.fixture(scope="module")
def r() -> Iterator[Session]:
    with connect("r") as session:
        yield session


@needs_r
@pytest.mark.parametrize(
    "code",
    ["x <- c(1,", "f <- function(x) {", "1 +", "'open", 'x <- "é', "if (TRUE)", "x |>", "{\n  1\n", 'r"(a'],
)
def test_r_goes_on(r: Session, code: str) -> None:
    assert incomplete(r, "R", code)


@needs_r
@pytest.mark.parametrize(
    "code",
    [
        "1",
        "x <- c(1)",
        ")",
        "x y",
        "'a\\'b'",
        'x <- "é\\n\\\\"',
        "# comment (",
        "f <- function(x) {\n x\n}",
        "1\n2",
    ],
)
def test_r_is_whole(r: Session, code: str) -> None:
    assert not incomplete(r, "R", code)


@needs_r
def test_asking_leaves_no_trace(r: Session) -> None:
    incomplete(r, "R", "x <- (")
    assert list(r) == []
