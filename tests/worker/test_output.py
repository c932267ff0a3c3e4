"""The worker's two output streams, read from real pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from arcuate.worker.output import Output

NOISE = "error: ignoring const execution_exception& while preparing to exit"


@dataclass
class Pipes:
    """Two pipes: what the worker writes to, what the host reads from."""

    out: tuple[int, int] = field(default_factory=os.pipe)
    err: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        for fd in (self.out[0], self.err[0]):
            os.set_blocking(fd, False)

    def reader(self, keep: int = 1 << 16, quiet: tuple[str, ...] = ()) -> Output:
        return Output(self.out[0], self.err[0], keep, quiet)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    for fd in (*made.out, *made.err):
        try:
            os.close(fd)
        except OSError:
            pass


def joined(parts: list[tuple[str, str]], stream: str) -> str:
    return "".join(text for name, text in parts if name == stream)


def test_a_character_cut_in_the_middle(pipes: Pipes) -> None:
    output = pipes.reader()
    text = "žluť 猫 😀"
    for byte in text.encode():
        os.write(pipes.out[1], bytes([byte]))
        assert output.read_one(pipes.out[0])
    parts = output.take()
    assert joined(parts, "stdout") == text
    assert all(len(part) == 1 for _, part in parts)


def test_the_streams_have_decoders_of_their_own(pipes: Pipes) -> None:
    output = pipes.reader()
    os.write(pipes.out[1], "é".encode()[:1])
    os.write(pipes.err[1], "猫".encode()[:2])
    output.read()
    assert output.take() == []
    os.write(pipes.err[1], "猫".encode()[2:])
    os.write(pipes.out[1], "é".encode()[1:])
    output.read()
    assert sorted(output.take()) == [("stderr", "猫"), ("stdout", "é")]


def test_bytes_that_are_no_text_are_marked(pipes: Pipes) -> None:
    output = pipes.reader()
    os.write(pipes.out[1], b"a\xff\x00b\xc3")
    output.read()
    os.close(pipes.out[1])
    assert output.read_one(pipes.out[0]) is False
    assert joined(output.take(), "stdout") == "a\ufffd\x00b\ufffd"


@pytest.mark.parametrize("size", [1, 2, 7, 40, 1000])
def test_quiet_lines_cut_anywhere(pipes: Pipes, size: int) -> None:
    output = pipes.reader(quiet=(NOISE, "second"))
    text = f"{NOISE}\nsecondary\nmine\n{NOISE}\nsecond\nbefore {NOISE}\nerror: mine\n\n{NOISE}\r\nlast"
    data = text.encode()
    for at in range(0, len(data), size):
        os.write(pipes.err[1], data[at : at + size])
        output.read()
    assert (
        joined(output.take(), "stderr") == f"secondary\nmine\nbefore {NOISE}\nerror: mine\n\n{NOISE}\r\nlast"
    )
    assert NOISE + "\n" not in output.last.replace("before " + NOISE, "")


def test_quiet_lines_are_of_stderr_only(pipes: Pipes) -> None:
    output = pipes.reader(quiet=(NOISE,))
    os.write(pipes.out[1], f"{NOISE}\n".encode())
    output.read()
    assert joined(output.take(), "stdout") == f"{NOISE}\n"


def test_what_may_become_a_quiet_line_is_given_out_when_the_call_ends(pipes: Pipes) -> None:
    output = pipes.reader(quiet=(NOISE,))
    os.write(pipes.err[1], b"error: ")
    output.read()
    assert output.take() == []
    output.settle()
    assert output.take() == [("stderr", "error: ")]
    os.write(pipes.err[1], f"{NOISE}\n{NOISE}\n".encode())
    output.read()
    assert joined(output.take(), "stderr") == f"{NOISE}\n", (
        "the first goes on the user's line, the second is noise"
    )


def test_what_is_held_is_given_out_at_the_end_of_the_stream(pipes: Pipes) -> None:
    output = pipes.reader(quiet=(NOISE,))
    os.write(pipes.err[1], b"err")
    os.close(pipes.err[1])
    output.read()
    output.read()
    assert joined(output.take(), "stderr") == "err"


@pytest.mark.parametrize("keep", [0, 1, 10, 1000])
@pytest.mark.parametrize("size", [1, 3, 64, 5000])
def test_the_tail_is_as_long_as_promised(pipes: Pipes, keep: int, size: int) -> None:
    output = pipes.reader(keep=keep)
    text = "".join(chr(0x100 + i % 3000) for i in range(4000))
    for at in range(0, len(text), size):
        os.write(pipes.out[1], text[at : at + size].encode())
        output.read()
    assert output.last == text[len(text) - keep :]
    assert sum(map(len, output._tail)) <= keep + size, "the memory it takes is bounded"


def test_read_takes_a_flood_and_does_not_wait(pipes: Pipes) -> None:
    output = pipes.reader()
    os.write(pipes.out[1], b"x" * 50_000)
    output.read()
    output.read()
    assert len(joined(output.take(), "stdout")) == 50_000
    assert output.take() == []


def test_drain_until_the_worker_has_ended(pipes: Pipes) -> None:
    """A worker that writes more than a pipe holds before it ends is read meanwhile."""
    output = pipes.reader()
    left = [100_000]

    def wait(_: float) -> int | None:
        data = b"y" * min(left[0], 60_000)
        left[0] -= os.write(pipes.err[1], data) if data else 0
        return None if left[0] else 7

    assert output.drain_until(wait, 30.0) == 7
    assert len(joined(output.take(), "stderr")) == 100_000
    assert output.drain_until(lambda _: None, 0.05) is None
