"""The OpenAPI description: valid by another's judgement, complete, and true of the hub that runs."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

import arcuate.http.app
from arcuate.http.openapi import description

SOAK = bool(os.environ.get("ARCUATE_SOAK"))
STATED = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
)
MEANT = {501, 502, 504}
"""What a hub may answer to a valid request: not supported, the code ended its interpreter, no time left."""


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(description()).validate()


def test_the_hub_gives_it(url: str) -> None:
    with urllib.request.urlopen(url + "/openapi.json", timeout=30) as answer:
        assert json.load(answer) == description()


def test_every_route_is_described(url: str) -> None:
    """What is described is what the hub says it allows, and the hub has no route beside."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        for path, methods in description()["paths"].items():
            filled = re.sub("{(call|callback)}", "1", path).replace("{", "").replace("}", "")
            allowed = client.request("TRACE", filled).headers["allow"]
            assert {one.strip().lower() for one in allowed.split(",")} == set(methods), path
    page = (Path(__file__).resolve().parents[2] / "protos" / "http.md").read_text(encoding="utf-8")
    routes = (Path(arcuate.http.app.__file__)).read_text(encoding="utf-8")
    assert routes.count(" route(") + 3 == len(description()["paths"])
    for path in description()["paths"]:
        assert path.rpartition("/v1/sessions/{session}")[2].lstrip("/") in page, path


def _operations() -> list[Any]:
    """Each operation, with what is described and, where there is anything to do wrong, with what is not."""
    return [
        pytest.param(f"{method} {path}", mode, id=f"{method} {path} {mode.value}")
        for path, methods in description()["paths"].items()
        for method, one in methods.items()
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or "parameters" in one or "requestBody" in one
    ]


@pytest.fixture(scope="module")
def api(url: str) -> Any:
    return schemathesis.openapi.from_url(url + "/openapi.json")


@pytest.fixture(scope="module")
def opened(url: str) -> dict[str, str]:
    """A session whose secret the requests carry, so that they get further than 410."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        value = client.post("/v1/sessions", json={"environment": "python"}).json()["value"]
    return {"session": value["session"], "secret": value["secret"]}


@pytest.mark.parametrize(("operation", "mode"), _operations())
def test_the_hub_does_what_it_describes(
    operation: str, mode: GenerationMode, api: Any, opened: dict[str, str]
) -> None:
    method, path = operation.split(" ")
    described = api[path][method.upper()]

    @settings(
        max_examples=200 if SOAK else 4,
        deadline=None,
        database=None,
        derandomize=not SOAK,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(described.as_strategy(generation_mode=mode), st.booleans())
    def run(case: Any, own: bool) -> None:
        if own and "{environment}" in path:
            case.path_parameters["environment"] = "python"
        if own and "{session}" in path:
            case.path_parameters["session"] = opened["session"]
            case.headers = {**(case.headers or {}), "Arcuate-Secret": opened["secret"]}
        if case.query:
            case.query.pop("follow", None)  # it does not end
            if "wait" in case.query and mode is GenerationMode.POSITIVE:
                case.query["wait"] = 0.01
        if path.endswith("/samples"):
            case.query = {**(case.query or {}), "wait": 0.01}
        answer = case.call(timeout=30)
        assert answer.status_code < 500 or answer.status_code in MEANT, answer.text
        case.validate_response(answer, checks=list(STATED))

    run()
