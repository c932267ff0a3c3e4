"""``arcuate publish`` and ``arcuate subscribe``: topics of a hub from a shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from arcuate.cli.arguments import value_of
from arcuate.cli.sessions import setting
from arcuate.cli.show import deliver

__all__ = ["publish_values", "read_topic"]


def publish_values(
    topic: str, values: Sequence[str], hub: str | None, options: Sequence[str], timeout: float | None
) -> None:
    """Publishes values one after the other and prints the number that each got."""
    from arcuate.client import publisher

    given = [value_of(text) for text in values]
    with publisher(topic, hub, timeout=timeout, **dict(map(setting, options))) as out:
        for one in given:
            print(out.send(one), flush=True)


def read_topic(
    topic: str,
    hub: str | None,
    options: Sequence[str],
    *,
    count: int | None,
    start: int | None,
    policy: str,
    buffer: int,
    timeout: float | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Prints the blocks of a topic, or writes them to files.

    Args:
        topic: the topic.
        hub: address of the hub.
        options: ``key=value`` texts for ``subscribe``.
        count: how many; all if absent.
        start: number of the first.
        policy: what happens when the hub holds ``buffer`` blocks for us.
        buffer: blocks that may wait.
        timeout: seconds to wait for one.
        as_json: a line of JSON each.
        output: name of a file, in which ``%d`` stands for the number.
    """
    from arcuate.client import subscribe

    def note(lost: int | None) -> None:
        what = "the topic began anew" if lost is None else f"{lost} lost"
        print(f"gap: {what}", file=sys.stderr, flush=True)

    done = 0
    with subscribe(
        topic,
        hub,
        start=start,
        policy=policy,
        buffer=buffer,
        timeout=timeout,
        on_gap=note,
        **dict(map(setting, options)),
    ) as blocks:
        while count is None or done < count:
            one = next(blocks)
            file = output.replace("%d", str(blocks.sequence)) if output else None
            deliver(one, as_json=as_json, output=file)
            sys.stdout.flush()
            done += 1
