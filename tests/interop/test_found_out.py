"""A conformance program that does something wrong is found out: each fault by the case that is for it."""

from __future__ import annotations

import pytest
from tests.interop.conftest import client, results, run

from arcuate.matrix import page_parts
from arcuate.matrix.report import result
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case

GRPC = {"name": "grpc", "url": "grpc"}
Vectors = dict[str, Case]


def named(vectors: Vectors, *names: str) -> list[Case]:
    return [vectors[name] for name in names]


def test_a_good_one_passes(vectors: Vectors, servers: Servers) -> None:
    cases = named(vectors, "float/tenth", "float/nan", "text/ascii")
    found = run(client("good"), cases, servers, ("decode", "feature"))
    assert {name: one.verdict.outcome for name, one in results(found).items()} == {
        "decode float/tenth": "exact",
        "decode float/nan": "exact",
        "decode text/ascii": "exact",
        "feature probe/op": "exact",
        "feature probe/feature": "exact",
        "feature end-of-input": "exact",
    }
    assert not found.failed()


@pytest.mark.parametrize(
    ("kind", "case", "outcome", "detail"),
    [
        ("round", "float/seventeen-digits", "fail", "undeclared change"),
        ("merge", "missing/untyped", "fail", "float is not missing"),
        ("crash", "text/ascii", "errored", "ended at 'decode' with status 3; its stderr: about to end"),
        ("hang", "text/ascii", "errored", "no answer to 'decode' within 1.5 s"),
        ("noise", "text/ascii", "errored", "no JSON"),
        ("endless", "text/ascii", "errored", "4,294,967,295 bytes"),
        ("late", "float/tenth", "errored", "the id"),
        ("talkative", "float/tenth", "errored", "opinion"),
    ],
)
def test_what_a_value_finds_out(
    kind: str, case: str, outcome: str, detail: str, vectors: Vectors, servers: Servers
) -> None:
    patience = 1.5 if kind == "hang" else 20.0
    found = run(client(kind), [vectors[case], vectors["bool/true"]], servers, patience=patience)
    got = results(found)
    verdict = got[f"decode {case}"].verdict
    assert (verdict.outcome, detail in verdict.detail) == (outcome, True), verdict
    if kind not in ("late", "talkative", "hang"):
        assert got["decode bool/true"].verdict.outcome == "exact"  # one fault costs one case
    assert found.failed()


def test_hidden_bytes_are_seen(vectors: Vectors, servers: Servers) -> None:
    one = client("hide", transports=[GRPC])
    found = run(one, [vectors["float/tenth"]], servers, ("echo", "observe"))
    got = {name: one.verdict.outcome for name, one in results(found).items()}
    assert got["echo float/tenth"] == "exact"  # which is why there are observations
    assert got["observe float/tenth"] == "fail"
    assert found.failed()


def test_bytes_that_are_passed_on_unread(vectors: Vectors, servers: Servers) -> None:
    """A client that looks at a frame and passes it on passes every other case, that of errors too."""
    strange = [name for name in vectors if "/wire-higher" in name or "/wire-unknown" in name]
    cases = [case for case in named(vectors, "float/tenth", *strange) if case.encoded("frame")]
    found = run(client("lazy", transports=[GRPC]), cases, servers, ("decode", "echo", "observe"))
    got = {name: one.verdict.outcome for name, one in results(found).items()}
    assert len(cases) >= 4
    for case in cases:
        odd = case.name in strange
        assert got[f"decode {case.name}"] == ("fail" if odd else "exact"), case.name
        assert got[f"observe {case.name}"] == "exact"
    assert found.failed()


@pytest.mark.parametrize(
    ("kind", "case", "detail"),
    [
        ("clinging", "keep/release", "still has an object"),
        ("muddled", "publish", "what was published is"),
    ],
)
def test_what_is_said_to_be_done(kind: str, case: str, detail: str, servers: Servers) -> None:
    """The answer is right, and what it stands for has not been done, or otherwise."""
    found = run(client(kind, transports=[GRPC]), [], servers, ("feature",), (case,))
    verdict = results(found)[f"feature {case}"].verdict
    assert (verdict.outcome, detail in verdict.detail) == ("fail", True), verdict


def test_a_secure_connection_that_is_not_declared(servers: Servers) -> None:
    """It is counted, and it must not work."""
    for kind, outcome in (("good", "fail"), ("plain", "unsupported")):
        found = run(client(kind, transports=[GRPC]), [], servers, ("secure",), ("tls",))
        verdict = results(found)["secure tls"].verdict
        assert verdict.outcome == outcome, verdict


def test_no_case_at_all_proves_nothing(servers: Servers) -> None:
    absent = {"name": "Fortran", "find": ["./there-is-no-such-program"]}
    for one in (client("good"), client("good", runtime=absent, transports=[GRPC])):
        found = run(one, [], servers, ("echo",))
        assert not found.judged
        assert found.failed()
        assert "No case was run" in page_parts.verdict(result(found, 0.0))[1]


def test_yes_to_everything(servers: Servers) -> None:
    got = results(run(client("obliging"), [], servers, ("feature",)))
    for probe in ("op", "feature"):
        verdict = got[f"feature probe/{probe}"].verdict
        assert verdict.outcome == "fail"
        assert "nothing that a program knows" in verdict.detail


def test_errors_by_the_wrong_name(servers: Servers) -> None:
    for kind, text in (("coded", "INTERNAL, not CONNECTION_LOST"), ("uncaught", "'caught' is empty")):
        found = run(client(kind, transports=[GRPC]), [], servers, ("fault",), ("hub-down",))
        verdict = results(found)["fault hub-down"].verdict
        assert (verdict.outcome, text in verdict.detail) == ("fail", True), verdict


def test_a_bad_end(vectors: Vectors, servers: Servers) -> None:
    verdict = results(run(client("stubborn"), [vectors["bool/true"]], servers))[
        "feature end-of-input"
    ].verdict
    assert verdict.outcome == "fail"
    assert "status 4; its stderr: could not tidy up" in verdict.detail


def test_unsupported_that_works(vectors: Vectors, servers: Servers) -> None:
    one = client("good", unsupported={"float/*": "there are no floats"})
    found = run(one, named(vectors, "float/tenth"), servers)
    verdict = results(found)["decode float/tenth"].verdict
    assert verdict.outcome == "fail"
    assert "declares it as unsupported: there are no floats" in verdict.detail
    assert found.failed()


def test_unsupported_that_is_not_declared(servers: Servers) -> None:
    """The program answers ``unsupported``, and its conformance.json says nothing of it."""
    from arcuate.matrix import answers
    from arcuate.matrix.outcome import Verdict
    from arcuate.matrix.seat import Seat

    def decline() -> Verdict:
        raise answers.Declined("not today")

    for declared, outcome in (({}, "fail"), ({"callback": "no functions"}, "unsupported")):
        seat = Seat(client("good", unsupported=declared), None, "", servers)
        seat.attempt("callback", "feature", ("callback",), decline)
        assert seat.cell.cases[0].verdict.outcome == outcome


def test_a_declared_change_that_does_not_happen(vectors: Vectors, servers: Servers) -> None:
    """Octave makes a 0x0 double of null; this client says that its values are Octave's, and keeps null."""
    found = run(client("good", values="octave"), [vectors["null/plain"]], servers)
    verdict = results(found)["decode null/plain"].verdict
    assert verdict.outcome == "fail"
    assert "the declared change did not happen" in verdict.detail


def test_a_program_that_cannot_be_started(servers: Servers) -> None:
    one = client("good", command=["./there-is-no-such-program"], transports=[GRPC])
    found = run(one, [], servers)
    assert {result.verdict.outcome for result in results(found).values()} == {"errored"}
    assert found.failed()


def test_a_program_that_is_not_built(servers: Servers) -> None:
    one = client("good", build=["make", "build"], command=["./bin/nothing"], transports=[GRPC])
    (only,) = results(run(one, [], servers)).values()
    assert only.verdict.outcome == "missing"
    assert "type: make -C clients/interop build" in only.verdict.detail


def test_a_runtime_that_is_missing(vectors: Vectors, servers: Servers) -> None:
    runtime = {
        "name": "Fortran",
        "find": ["./there-is-no-such-program"],
        "install": "apt-get install gfortran",
    }
    found = run(client("good", runtime=runtime, transports=[GRPC]), [], servers)
    (only,) = results(found).values()
    assert only.verdict.outcome == "missing"
    assert "apt-get install gfortran" in only.verdict.detail
    assert found.failed(), "nothing was run"
    found.cells += run(client("good"), [vectors["bool/true"]], servers).cells
    assert not found.failed()
    assert found.failed(require_all=True)
