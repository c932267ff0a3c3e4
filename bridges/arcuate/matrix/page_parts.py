"""The parts of the page around the map: what it comes to, the legend, what is missing, measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from arcuate.matrix.page_cases import OUTCOMES
from arcuate.matrix.page_map import shape, word

__all__ = ["FOOTER", "lead", "legend", "made", "notes", "sections", "verdict"]

Result = Mapping[str, Any]

FOOTER = (
    "Every value was judged against the golden vectors, never against another implementation. "
    "This page is one file and asks for nothing from elsewhere."
)
_OWN = ("exact", "permitted", "unsupported", "missing", "fail", "errored")


def totals(result: Result) -> Counter[str]:
    """Return how many cases of the matrix had each outcome."""
    found: Counter[str] = Counter()
    for cell in result.get("cells") or []:
        found.update({str(name): int(times) for name, times in (cell.get("counts") or {}).items() if times})
    return found


def verdict(result: Result) -> tuple[str, str]:
    """Return the class and the text of the line at the top."""
    found = totals(result)
    bad = {
        name: times for name, times in found.items() if name in ("fail", "errored") or name not in OUTCOMES
    }
    total = sum(found.values())
    parts = ", ".join(f"{times:,} {word(name)}" for name, times in sorted(found.items(), key=_as_listed))
    if total == found["missing"]:
        return "missing", f"{shape('missing')} No case was run."
    if bad:
        worst = "fail" if "fail" in bad else "errored"
        return worst, f"{shape(worst)} {sum(bad.values()):,} of {total:,} cases went wrong: {escape(parts)}."
    return "exact", f"{shape('exact')} {total:,} cases, no value changed against the rules: {escape(parts)}."


def _as_listed(item: tuple[str, int]) -> int:
    return _OWN.index(item[0]) if item[0] in _OWN else len(_OWN)


def made(result: Result) -> str:
    """When, with what, on what machine."""
    machine = result.get("machine") or {}
    described = ", ".join(f"{'Python ' if key == 'python' else ''}{value}" for key, value in machine.items())
    seconds = result.get("seconds")
    took = f" in {seconds:.0f} s" if isinstance(seconds, int | float) else ""
    return escape(f"Arcuate {result.get('arcuate', '')}, {result.get('made', '')}{took}; {described}")


def lead(result: Result) -> str:
    """What the map shows, in a sentence."""
    values = len(result.get("vectors") or {})
    return escape(
        "Each client decodes golden values into its own native form, sends them by a transport to an "
        "environment, takes back what an identity function, an observation or a literal there gives, and "
        f"encodes that again. {values:,} values; features, errors and faults beside them."
    )


def legend(result: Result) -> str:
    """What the shapes and colours stand for: those of the matrix, and of the peers where there are any."""
    keys = _key("The matrix", _OWN)
    if result.get("peers"):
        keys += _key("What you use today", ("exact", "changed", "refused", "none", "silent", "crashed"))
    return keys


def _key(title: str, names: Sequence[str]) -> str:
    items = "".join(
        f'<li class="{name}">{shape(name)} <span><strong>{OUTCOMES[name].word}</strong>: '
        f"{escape(OUTCOMES[name].meaning)}</span></li>"
        for name in names
    )
    return f'<ul class="key" aria-label="{title}"><li class="title">{title}</li>{items}</ul>'


def notes(result: Result) -> str:
    """What is missing on this machine and how to get it."""
    lines = [
        f"<li><strong>{escape(str(one['name']))}</strong>: {escape(str(one['missing']))}</li>"
        for group in ("clients", "environments")
        for one in result.get(group) or []
        if one.get("missing")
    ]
    return (
        f'<div class="note"><p>Missing on this machine:</p><ul>{"".join(lines)}</ul></div>' if lines else ""
    )


def sections(result: Result) -> str:
    """Everything else that the runner measured, as plain tables."""
    out = ""
    for key, title in (
        ("pairs", "Any language calls any other"),
        ("measures", "Time, and each client's own share of it"),
    ):
        rows = [_short(row) for row in result.get(key) or [] if isinstance(row, Mapping)]
        if rows:
            region = f'<div class="scroll" role="region" aria-label="{title}" tabindex="0">'
            out += f"<section><h2>{title}</h2>{region}{_plain(rows)}</div></section>"
    return out


def _short(row: Result) -> dict[str, Any]:
    """A row without what a table cannot hold; of its cases those that went wrong."""
    made = {name: value for name, value in row.items() if name not in ("cases", "counts")}
    if "cases" in row:
        bad = [case for case in row["cases"] if case["outcome"] in ("fail", "errored", "missing")]
        made["wrong"] = "; ".join(f"{case['what']} {case['case']}: {case['detail']}" for case in bad)
    return made


def _plain(rows: Sequence[Result]) -> str:
    """Rows of any fields as a table."""
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for row in rows:
        body += "<tr>" + "".join(_item(name, row.get(name)) for name in names) + "</tr>"
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _item(name: str, value: object) -> str:
    if name == "outcome":
        return f"<td>{shape(str(value))} {escape(word(str(value)))}</td>"
    if isinstance(value, float):
        return f'<td class="number">{value:.4g}</td>'
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return f"<td>{'' if value is None else escape(str(value))}</td>"
