"""The heat map of the page: clients and transports down, environments and today's bridges across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from arcuate.matrix.page_cases import OUTCOMES, Spot, severity, spots

__all__ = ["bar", "shape", "table"]

Result = Mapping[str, Any]


def shape(outcome: str) -> str:
    """One of the shapes, for eyes only: the word stands beside it."""
    known = OUTCOMES.get(outcome)
    name = known.shape if known else "bang"
    return f'<svg class="shape {escape(outcome)}" aria-hidden="true"><use href="#shape-{name}"/></svg>'


def word(outcome: str) -> str:
    """Return what an outcome is called."""
    return OUTCOMES[outcome].word if outcome in OUTCOMES else outcome


def bar(counts: Mapping[str, int]) -> str:
    """The shares of the outcomes as one line; nothing is told by it that the counts do not say."""
    total, x, parts = sum(counts.values()), 0.0, ""
    if not total:
        return ""
    for name, times in sorted(counts.items(), key=lambda item: -severity(item[0])):
        if not times:
            continue
        share = max(100 * times / total, 1.5)
        parts += f'<rect class="part {escape(name)}" x="{x:.1f}" y="0" width="{share:.1f}" height="4"/>'
        x += share
    return (
        f'<svg class="bar" viewBox="0 0 {max(x, 1):.1f} 4" preserveAspectRatio="none" aria-hidden="true">'
        f"{parts}</svg>"
    )


def table(result: Result) -> str:
    """Return the map as a table."""
    return _Map(result).table()


class _Map:
    def __init__(self, result: Result) -> None:
        self.result = result
        self.spots = {spot.key: spot for spot in spots(result)}
        self.clients: list[Result] = list(result.get("clients") or [])
        self.peers: list[Result] = list(result.get("peers") or [])
        known = {client["name"] for client in self.clients}
        hosts = dict.fromkeys(str(peer.get("host")) for peer in self.peers)
        self.clients += [{"name": host} for host in hosts if host not in known]  # a row for its peers alone
        cells = result.get("cells") or []
        self.environments = _names(
            [one["name"] for one in result.get("environments") or []],
            [cell["environment"] for cell in cells if cell["environment"] and cell["transport"]],
        )
        self.alone = any(cell["transport"] and not cell["environment"] for cell in cells)
        self.decoding = any(not cell["transport"] for cell in cells)
        self._row = 0

    def table(self) -> str:
        bodies = "".join(self._body(client) for client in self.clients)
        return (
            '<table class="map" aria-describedby="map-hint"><caption class="hint">Each cell: how many cases '
            "had which outcome; its colour and shape are those of the worst.</caption>"
            f"{self._head()}{bodies}</table>"
        )

    def _head(self) -> str:
        own = len(self.environments) + self.alone + self.decoding
        groups = '<tr><td colspan="2"></td>'
        groups += (
            f'<th class="group" scope="colgroup" colspan="{max(own, 1)}">to this environment and back</th>'
        )
        if self.peers:
            groups += (
                f'<th class="group" scope="colgroup" colspan="{len(self.peers)}">what you use today</th>'
            )
        names = '<tr><th scope="col">client</th><th scope="col">transport</th>'
        known = {one["name"]: one for one in self.result.get("environments") or []}
        for name in self.environments:
            one = known.get(name, {})
            below = f"{one.get('language', '')} {one.get('version', '')}".strip()
            if one.get("missing"):
                below = "missing runtime"
            names += f'<th scope="col">{escape(name)}<small>{escape(below)}</small></th>'
        if self.alone:
            names += '<th scope="col">connection<small>no environment</small></th>'
        if self.decoding:
            names += '<th scope="col">codec<small>no hub</small></th>'
        for peer in self.peers:
            basis = "as documented" if peer.get("documented") else "measured"
            versions = peer.get("versions") or {}
            version = f"{versions.get(peer['peer'], '')} · {basis}".strip(" ·")
            names += f'<th scope="col">{escape(str(peer["peer"]))}<small>{escape(version)}</small></th>'
        return f"<thead>{groups}</tr>{names}</tr></thead>"

    def _body(self, client: Result) -> str:
        transports = [str(one) for one in client.get("transports") or []] or [""]
        name = str(client["name"])
        about = " · ".join(str(client[key]) for key in ("version", "runtime") if client.get(key))
        rows = ""
        for number, transport in enumerate(transports):
            first = number == 0
            row = ""
            if first:
                row = f'<th scope="rowgroup" rowspan="{len(transports)}">{escape(name)}'
                row += f"<small>{escape(about)}</small></th>"
            row += f'<th scope="row" class="transport">{escape(transport) or "–"}</th>'
            row += self._cells(client, name, transport, first, len(transports))
            rows += f"<tr>{row}</tr>"
            self._row += 1
        return f"<tbody>{rows}</tbody>"

    def _cells(self, client: Result, name: str, transport: str, first: bool, span: int) -> str:
        """The cells of one row; what belongs to the whole client stands in its first row, spanning all."""
        out, column = "", 0
        places = [*self.environments, *([""] if self.alone else [])]
        if client.get("missing") and not any(key.startswith(f"{name}/") for key in self.spots):
            if first:
                wide = len(places) + self.decoding
                out += _missing(f"{name}: missing runtime", str(client["missing"]), wide, span)
        else:
            for place in places:
                out += self._cell(f"{name}/{transport}/{place}", place, column)
                column += 1
            if self.decoding and first:
                out += self._cell(f"{name}//", "", column, span)
        column = len(places) + self.decoding
        if first:
            out += "".join(self._peer(peer, name, column + n, span) for n, peer in enumerate(self.peers))
        return out

    def _cell(self, key: str, environment: str, column: int, span: int = 1) -> str:
        spot = self.spots.get(key)
        if spot is None:
            known = {one["name"]: one for one in self.result.get("environments") or []}
            missing = known.get(environment, {}).get("missing")
            if missing:
                return _missing("missing", "see below", 1, span)
            return f'<td class="void" rowspan="{span}">not run</td>'
        return self._button(spot, column, span)

    def _peer(self, peer: Result, client: str, column: int, span: int) -> str:
        if peer.get("host") != client:
            return f'<td class="void" rowspan="{span}"></td>'
        return self._button(self.spots[f"peer/{peer['peer']}"], column, span)

    def _button(self, spot: Spot, column: int, span: int) -> str:
        counts = {str(name): int(times) for name, times in (spot.cell.get("counts") or {}).items() if times}
        worst = min(counts, key=severity, default="missing")
        listed = [f"{times:,} {word(name)}" for name, times in sorted(counts.items(), key=_calm_first)]
        head = listed[0] if listed else "no case"
        others = [
            f"<strong>{escape(text)}</strong>" if severity(name) < severity("missing") else escape(text)
            for text, (name, _) in zip(listed[1:], sorted(counts.items(), key=_calm_first)[1:], strict=True)
        ]
        return (
            f'<td{" class=tall" if span > 1 else ""} rowspan="{span}" id="{escape(spot.key, quote=True)}">'
            f'<button type="button" class="cell {escape(worst)}" data-cell="{spot.number}" '
            f'data-row="{self._row}" data-column="{column}" aria-expanded="false" aria-controls="cell">'
            f'<span class="unseen">{escape(spot.title)}: </span><b>{shape(worst)} {escape(head)}</b> '
            f'<span class="counts">{" <br>".join(others)}</span>{bar(counts)}</button></td>'
        )


def _calm_first(item: tuple[str, int]) -> int:
    """The order of the counts in a cell: what arrived as it was first."""
    return -severity(item[0])


def _missing(title: str, how: str, columns: int, rows: int) -> str:
    return (
        f'<td colspan="{columns}" rowspan="{rows}"><div class="cell missing"><b>{shape("missing")} '
        f'{escape(title)}</b><span class="counts">{escape(how)}</span></div></td>'
    )


def _names(declared: Sequence[str], seen: Sequence[str]) -> list[str]:
    """The declared names in their order, then any other that occurs."""
    return list(dict.fromkeys([*declared, *seen]))
