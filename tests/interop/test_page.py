"""The page of a run in a real Chromium: what it shows, what it opens, and that hostile values stay text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.processes import until
from tests.interop import chromium
from tests.interop.chromium import Page
from tests.interop.conftest import client, run

from arcuate.matrix import load
from arcuate.matrix.notation import notation
from arcuate.matrix.page import write
from arcuate.matrix.report import result
from arcuate.matrix.servers import Servers

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".tools" / "axe.min.js"
HOSTILE = [
    "</script><script>window.hurt = 1</script>",
    "<img src=x onerror='window.hurt = 2'>",
    "<!--<script>",
    "$data ${script} $$ %s {0}",
    "\"'&amp;&lt;`\\u003c\\",
    "a\u2028b\u2029c\u202ed\x00e\x1bf",
    "'); window.hurt = 3; ('",
    "javascript:window.hurt=4",
    "x" * 5000,
    "__proto__",
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if chromium.find() is None:
        pytest.skip("chromium: not installed")
    with chromium.opened() as tab:
        yield tab


@pytest.fixture(scope="module")
def real(servers: Servers) -> dict[str, Any]:
    """A run with a client that changes values, so that there is something to see."""
    names = ["float", "text/latin", "text/controls", "mapping/plain", "array/f8/matrix"]
    found = result(run(client("round"), load(names=names, large=False), servers), 1.0)
    assert found["cells"]
    assert sum(cell["counts"]["fail"] for cell in found["cells"]) > 1
    return found


@pytest.fixture(scope="module")
def address(real: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "real.html"
    write(real, file)
    return file.as_uri()


def made(cases: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A result with one cell."""
    counts = dict(Counter(case["outcome"] for case in cases))
    cell = {
        "client": "c",
        "transport": "t",
        "environment": "e",
        "counts": counts,
        "seconds": 1,
        "cases": cases,
    }
    fields: dict[str, Any] = {
        "made": "2026-11-28T12:00:00+00:00",
        "arcuate": "0",
        "machine": {"cpu": "two"},
        "seconds": 1.0,
        "clients": [{"name": "c", "version": "1", "runtime": "r", "transports": ["t"], "missing": ""}],
        "environments": [{"name": "e", "language": "E", "version": "1", "missing": ""}],
        "vectors": {},
        "cells": [cell],
    }
    return {**fields, **more}


def case(name: str, outcome: str = "exact", **more: Any) -> dict[str, Any]:
    empty = {"changes": [], "received": None, "expected": None, "detail": "", "seconds": 0.001}
    return {"case": name, "what": "echo", "outcome": outcome, **empty, **more}


def shown(page: Page, selector: str) -> list[str]:
    visible = f"[...document.querySelectorAll({json.dumps(selector)})].filter(one => one.checkVisibility())"
    found: list[str] = page.do(f"{visible}.map(one => one.textContent)")
    return found


def calm(page: Page, address: str) -> None:
    """Nothing was asked for but the page, and nothing was complained of."""
    assert [one.split("#")[0] for one in page.requests] == [address] * len(page.requests)
    assert page.complaints == []


def fresh(page: Page, address: str) -> None:
    page.requests.clear()
    page.open("about:blank")
    page.requests.clear()
    page.open(address)


def test_a_cell_opens_to_its_cases(page: Page, address: str, real: dict[str, Any]) -> None:
    page.look(1300, 900)
    fresh(page, address)
    (cell,) = [one for one in real["cells"] if one["counts"]["fail"]]
    assert shown(page, "#cases details") == []
    page.click("button.cell.fail")
    assert len(shown(page, "#cases details")) == len(cell["cases"])
    assert page.do("document.activeElement.id") == "cell-title"
    counts = {name: times for name, times in cell["counts"].items() if times}
    assert {" ".join(text.split()) for text in shown(page, "#by-outcome label")} >= {
        f"exact {counts['exact']}"
    }

    page.click("#by-outcome label:first-of-type")  # the worst comes first
    assert shown(page, "#count") == [f"{counts['fail']} of {len(cell['cases'])} cases"]
    page.click("#cases details summary")
    failed = next(one for one in cell["cases"] if one["outcome"] == "fail")
    name = failed["case"]
    assert shown(page, "#cases details[open] code") == [name]
    # what is inside is filled in by the event of its opening, which comes a little after the click
    until(lambda: shown(page, "#cases details[open] pre"), "the case opens")
    sent, expected, received = shown(page, "#cases details[open] pre")
    assert sent == notation(real["vectors"][name])
    assert received == notation(failed["received"])
    assert expected == sent
    assert shown(page, "#cases details[open] mark.new"), "the difference is marked"
    assert failed["detail"] in shown(page, "#cases details[open] .detail")[0]
    assert page.do("location.hash").endswith("/" + "/".join(name.split("/")))
    calm(page, address)


def test_the_address_of_a_case_leads_to_it(page: Page, address: str, real: dict[str, Any]) -> None:
    cell = next(one for one in real["cells"] if one["counts"]["fail"])
    one = cell["cases"][-1]
    key = f"{cell['client']}/{cell['transport']}/{cell['environment']}/{one['what']}/{one['case']}"
    fresh(page, f"{address}#{key}")
    assert shown(page, "#cases details[open] code") == [one["case"]]
    page.do("location.hash = '#%zz'")
    page.do("location.hash = '#nobody/there'")
    assert shown(page, "#cases details[open] code") == [one["case"]]
    calm(page, address)


def test_by_keyboard_alone(page: Page, tmp_path: Path) -> None:
    both = made([case("a", "fail", detail="wrong"), case("b")])
    both["environments"].append({"name": "f", "language": "F", "version": "", "missing": ""})
    both["cells"].append({**both["cells"][0], "environment": "f"})
    write(both, tmp_path / "keys.html")
    address = (tmp_path / "keys.html").as_uri()
    fresh(page, address)
    page.do("document.querySelector('button.cell').focus()")
    page.key("ArrowRight")
    label = page.do("document.activeElement.textContent")
    assert " ".join(label.split()) == "c over t to f and back: 1 exact 1 failed"
    page.key("Enter")
    assert page.do("document.querySelectorAll('[aria-expanded=true]').length") == 1
    assert shown(page, "#cell-title") == ["c over t to f and back"]
    page.do("document.getElementById('search').focus()")
    page.send("Input.insertText", text="wro")
    assert shown(page, "#cases code") == ["a"]
    page.key("Escape")
    assert page.do("document.activeElement.textContent") == label
    assert page.do("document.querySelectorAll('[aria-expanded=true]').length") == 0
    assert shown(page, "#cases details") == []
    calm(page, address)


def test_hostile_values_stay_text(page: Page, tmp_path: Path) -> None:
    node = [{"kind": "text", "value": text} for text in HOSTILE]
    cases = [
        case(text, "fail", detail=text, changes=[text], expected=one, received={"kind": text, "x": [text]})
        for text, one in zip(HOSTILE, node, strict=True)
    ]
    cases += [case("number", text, what=text) for text in HOSTILE[:2]]
    hostile = made(cases, vectors=dict(zip(HOSTILE, node, strict=True)), made=HOSTILE[0], arcuate=HOSTILE[1])
    hostile["machine"] = {"cpu": HOSTILE[1]}
    for place, text in zip(("client", "transport", "environment"), HOSTILE[:3], strict=True):
        hostile["cells"][0][place] = text
    hostile["clients"] = [
        {"name": HOSTILE[0], "runtime": HOSTILE[1], "transports": [HOSTILE[1]], "missing": ""}
    ]
    hostile["environments"] = [
        {"name": HOSTILE[2], "language": HOSTILE[1], "version": "", "missing": HOSTILE[0]}
    ]
    hostile["measures"] = [{HOSTILE[0]: HOSTILE[1]}]
    hostile["peers"] = [
        {"peer": HOSTILE[1], "host": HOSTILE[0], "versions": {HOSTILE[1]: HOSTILE[0]}, "how": HOSTILE[1],
         "counts": {"silent": 1}, "cases": [case(HOSTILE[0], "silent")]}
    ]  # fmt: skip
    write(hostile, tmp_path / "hostile.html")
    address = (tmp_path / "hostile.html").as_uri()
    fresh(page, address)
    page.click("button.cell")
    page.do("document.querySelectorAll('#cases details').forEach(item => item.open = true)")
    page.do("new Promise(done => setTimeout(done, 0))")
    assert Counter(shown(page, "#cases code")) == Counter([*HOSTILE, "number", "number"])
    assert {notation(one) for one in node} <= set(shown(page, "#cases pre"))
    assert page.do("window.hurt") is None
    assert page.do("document.querySelectorAll('img').length") == 0
    assert page.do("document.scripts.length") == 2
    assert page.do("document.title") == "Arcuate interop matrix"
    calm(page, address)


def test_the_policy_keeps_the_page_to_itself(page: Page, address: str) -> None:
    """Even a script that got in could load nothing."""
    fresh(page, address)
    assert page.do("fetch('data:,x').then(() => 'loaded', () => 'refused')") == "refused"
    page.do(
        "const one = document.createElement('script'); one.textContent = 'window.hurt = 5'; "
        "document.body.append(one)"
    )
    assert page.do("window.hurt") is None
    page.complaints.clear()  # it said so


def test_missing_runtimes_say_how_to_get_them(page: Page, tmp_path: Path) -> None:
    found = made([case("a")])
    found["clients"].append(
        {"name": "rust", "transports": ["t", "u"], "missing": "type: apt-get install cargo"}
    )
    found["environments"].append({"name": "matlab", "language": "", "version": "", "missing": "buy it"})
    write(found, tmp_path / "missing.html")
    address = (tmp_path / "missing.html").as_uri()
    fresh(page, address)
    assert any("apt-get install cargo" in text for text in shown(page, "td .cell.missing"))
    assert any("buy it" in text for text in shown(page, ".note li"))
    calm(page, address)


def test_a_big_result_draws_little_until_it_is_asked_for(page: Page, tmp_path: Path) -> None:
    """24,000 cases: few elements at first, a cell in parts, and a file that stays small."""
    rendering = {"kind": "array", "dtype": "i4", "shape": [3], "data": ["1", "2", "3"]}
    names = [f"array/i4/{n}" for n in range(800)]
    found = made([case(name) for name in names], vectors=dict.fromkeys(names, rendering))
    cell = found["cells"][0]
    found["clients"][0]["transports"] = [f"t{n}" for n in range(30)]
    found["cells"] = [{**cell, "transport": f"t{n}"} for n in range(30)]
    write(found, tmp_path / "big.html")
    assert (tmp_path / "big.html").stat().st_size < 2_000_000
    fresh(page, (tmp_path / "big.html").as_uri())
    assert page.do("document.querySelectorAll('*').length") < 2000
    page.click("button.cell")
    assert len(shown(page, "#cases details")) == 400
    page.click("#more")
    assert len(shown(page, "#cases details")) == 800


@pytest.mark.parametrize(("width", "dark"), [(1300, False), (1300, True), (420, False)])
def test_accessible(page: Page, address: str, width: int, dark: bool) -> None:
    """axe-core's rules, contrast among them, on the map and an open case; nothing wider than the window."""
    if not AXE.is_file():
        pytest.skip("axe: not installed")
    page.look(width, 900, dark=dark)
    fresh(page, address)
    page.click("button.cell.fail")
    page.click("#cases details summary")
    page.send("Page.setBypassCSP", enabled=True)
    page.do(AXE.read_text(encoding="utf-8"))
    found = page.do(
        "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))"
    )
    page.send("Page.setBypassCSP", enabled=False)
    assert found == []
    assert page.do("document.documentElement.scrollWidth <= innerWidth")


def test_print(page: Page, address: str) -> None:
    page.look(1000, 900, media="print")
    fresh(page, address)
    page.click("button.cell.fail")
    assert shown(page, "#filters") == []
    assert shown(page, "button.cell")
    page.look(1000, 900)
