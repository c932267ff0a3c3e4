"""The golden values through the bridges that people use today: `make peers`.

    python -m tests.interop.peers.run [--out FILE] [--case PREFIX]... [--peer NAME]...

Each bridge runs in processes of its own: one that ends in the middle of a case has crashed there, and the
next one goes on with the case after it. The report is `peers` of the page of `arcuate matrix`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.interop.peers import engine, judge

from arcuate.client import connect
from arcuate.errors import ArcuateError
from arcuate.matrix import Case, load, render, same
from arcuate.matrix.permitted import journey, simplified
from arcuate.values import encode, frames

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
OLDER = ROOT / ".venv-reticulate" / "bin" / "python"
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"
SOURCES = os.pathsep.join(str(ROOT / part) for part in ("bridges", "adapters", "clients/python"))
OUTCOMES = ("exact", "changed", "refused", "silent", "crashed", "none")
PATIENCE = 30.0
"""Seconds that one value may take."""
LEFT_OUT = {"function", "handle"}
"""Kinds that name an object of one session: there is no such object in a bridge that was not given it."""

Answer = dict[str, Any]


def cases_of(prefixes: list[str]) -> list[Case]:
    """The cases with a value of manageable size."""
    chosen = load(names=prefixes, large=False)
    return [case for case in chosen if not case.error and case.frame and not uses(case.value, LEFT_OUT)]


def uses(node: Any, kinds: set[str]) -> bool:
    """Tell whether one of the kinds occurs in a value."""
    if isinstance(node, dict):
        return node.get("kind") in kinds or any(uses(value, kinds) for value in node.values())
    return isinstance(node, list) and any(uses(value, kinds) for value in node)


def lines_of(command: list[str], patience: float) -> Iterator[str]:
    """What a program prints, until it ends or is silent for too long; then it is killed."""
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": SOURCES, "PYTHONNOUSERSITE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    heard = [time.monotonic()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            if time.monotonic() - heard[0] > patience:
                end(process)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for line in process.stdout:
            heard[0] = time.monotonic()
            yield line
    finally:
        over.set()
        watcher.join()
        end(process)
        process.stdout.close()


def end(process: subprocess.Popen[str]) -> None:
    """End a process with everything that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


def python_host(peer: str, cases: list[Case], python: Path) -> tuple[dict[str, Answer], dict[str, str]]:
    """What a bridge in Python answered to each case, and its versions."""
    answers: dict[str, Answer] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder, "jobs")
        listed = [{"case": c.name, "frame": base64.b64encode(c.frame or b"").decode()} for c in cases]
        jobs.write_text("".join(json.dumps(one) + "\n" for one in listed), encoding="utf-8")
        first = 0
        while first < len(cases):
            began, started = "", first
            command = [str(python), str(HERE / "through_python.py"), peer, str(jobs), str(first)]
            for line in lines_of(command, PATIENCE):
                said = json.loads(line)
                versions = said.get("versions", versions)
                if "began" in said:
                    began = said["began"]
                elif "case" in said:
                    answers[said["case"]] = said
                    began, first = "", first + 1
            if began:
                answers[began] = {"crashed": "the process ended, or did not answer in time"}
                first += 1
            elif first == started:
                raise SystemExit(f"{peer} does not start: {' '.join(command)}")
    return answers, versions


def judged(case: Case, answer: Answer, sent: Any = None) -> dict[str, Any]:
    """The line of the report for one answer."""
    line: dict[str, Any] = {"case": case.name, "what": "echo"}
    if sent is not None and same(sent, case.value or {}):
        line["expected"] = sent
    warned = [f"warned: {text}" for text in answer.get("warned", [])]
    if "frame" in answer:
        received = render(base64.b64decode(answer["frame"]), "frame")
        outcome, detail = judge.outcome(sent or case.value, received)
        if outcome != "exact":
            line["received"] = received
    elif "object" in answer:
        outcome, detail = "changed", f"stays an object of the bridge: {answer['object']}"
    else:
        outcome = next(name for name in ("refused", "crashed", "none") if name in answer)
        detail = answer[outcome]
    return {**line, "outcome": outcome, "detail": "\n".join([detail, *warned]).strip()}


def report(peer: str, host: str, environment: str, how: str, lines: Iterable[Answer], **more: Any) -> Answer:
    """One entry of `peers`."""
    listed = list(lines)
    found = Counter(line["outcome"] for line in listed)
    return {
        "peer": peer,
        "host": host,
        "environment": environment,
        "how": how,
        "date": datetime.date.today().isoformat(),
        "counts": {name: found[name] for name in OUTCOMES},
        **more,
        "cases": listed,
    }


def rpy2(cases: list[Case]) -> Answer:
    """Python to R, in one process."""
    answers, versions = python_host("rpy2", cases, PYTHON)
    how = "Default, numpy2ri and pandas2ri converters together; what stays an R vector or list is unpacked."
    return report("rpy2", "python", "r", how, (judged(c, answers[c.name]) for c in cases), versions=versions)


def oct2py(cases: list[Case]) -> Answer:
    """Python to Octave, by files."""
    answers, versions = python_host("oct2py", cases, PYTHON)
    how = "Oct2Py() with its defaults, feval of a function that returns its argument."
    return report(
        "oct2py", "python", "octave", how, (judged(c, answers[c.name]) for c in cases), versions=versions
    )


def matlab_engine(cases: list[Case]) -> Answer:
    """Python to MATLAB: what the documentation says, and the array classes where they alone decide."""
    numeric = [case for case in cases if engine.is_numeric_array(case.value)]
    answers: dict[str, Answer] = {}
    versions: dict[str, str] = {}
    if ORACLE.exists() and numeric:
        answers, versions = python_host("arrays", numeric, ORACLE)
    lines = []
    for case in cases:
        if case.name in answers and "crashed" not in answers[case.name]:
            line = judged(case, answers[case.name])
            line["detail"] = f"run: MathWorks' array classes. {line['detail']}".strip()
        else:
            outcome, detail = engine.documented(case.value or {})
            line = {"case": case.name, "what": "echo", "outcome": outcome, "detail": f"documented: {detail}"}
        lines.append(line)
    return report("matlab.engine", "python", "matlab", engine.HOW, lines, versions=versions, documented=True)


def reticulate(cases: list[Case]) -> Answer:
    """R to Python, in one process. The values of R are those that Arcuate's own R makes of the vectors."""
    answers: dict[str, Answer] = {}
    sent: dict[str, Any] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, connect("r", env={"TZ": "UTC"}) as r:
        r.run("arcuate_save <- function(x, file) { saveRDS(x, file); x }")
        numbers: dict[int, Case] = {}
        for number, case in enumerate(cases, 1):
            file = f"{folder}/{number}.rds"
            try:
                value = r.call("arcuate_save", decoded(case), file)
                sent[case.name] = render(base64.b64decode(framed(value)), "frame")
                numbers[number] = case
            except ArcuateError as refusal:
                Path(file).unlink(missing_ok=True)
                answers[case.name] = {"none": f"R has no such value: {refusal}"[:300]}
        for number, words in r_lines(folder, numbers):
            if number == 0:
                versions = dict(zip(("reticulate", "R", "Python"), words[1:], strict=False))
                continue
            case = numbers[number]
            if words[0] in ("equal", "other"):
                try:
                    frame = framed(r.call("readRDS", f"{folder}/{number}.back.rds"))
                except (ArcuateError, TypeError) as unknown:
                    answers[case.name] = {"object": f"no value that leaves R: {unknown}"[:300]}
                    continue
                answers[case.name] = {"frame": frame, "identical": words[0] == "equal"}
            else:
                answers[case.name] = {words[0]: words[1] if len(words) > 1 else ""}
    how = "Its defaults. The values of R are those that Arcuate makes of the vectors, saved and read by R."
    lines = (judged(case, answers[case.name], sent.get(case.name)) for case in cases)
    return report("reticulate", "r", "python", how, lines, versions=versions)


IDENTITY = {"r": "function(x) x", "octave": "@(x) x"}
VERSION = {"r": "as.character(getRversion())", "octave": "version()"}
LANGUAGES = {"r": "R", "octave": "GNU Octave"}


def arcuate(environment: str, cases: list[Case]) -> Answer:
    """Python to R or Octave by Arcuate, there and back as with the others.

    A change that its type table declares is `changed` here; the matrix holds such changes to account.
    """
    lines = []
    with connect(environment, env={"TZ": "UTC"}) as session:
        identity = session.eval(IDENTITY[environment], keep=True)
        versions = {"Arcuate": version("arcuate"), LANGUAGES[environment]: session.eval(VERSION[environment])}
        for case in cases:
            try:
                line = judged(case, {"frame": framed(session.call(identity, decoded(case)))})
            except ArcuateError as refusal:
                line = judged(case, {"refused": str(refusal)[:400]})
            if line["outcome"] == "silent" and declared(case.value or {}, line["received"], environment):
                line["outcome"] = "changed"
            lines.append(line)
    how = "connect(), its defaults, a function that returns its argument."
    return report("Arcuate", "python", environment, how, lines, versions=versions)


def declared(sent: Any, received: Any, environment: str) -> bool:
    """Tell whether the type table declares this very change."""
    allowed = journey(sent, ["python", environment, "python"])
    return any(one.value is not None and not same(simplified(one.value), received) for one in allowed) or any(
        one.value is not None and not same(one.value, received) for one in allowed
    )


def decoded(case: Case) -> Any:
    """The value as Python holds it."""
    from arcuate.values import decode

    return decode(frames.load(case.frame or b""))


def framed(value: Any) -> str:
    """A value of Python as a frame in base64."""
    return base64.b64encode(frames.to_bytes(encode(value))).decode()


def r_lines(folder: str, numbers: dict[int, Case]) -> Iterator[tuple[int, list[str]]]:
    """What R printed of each case; a case in which it ended is `crashed`."""
    first, last = min(numbers), max(numbers)
    while first <= last:
        began, started = 0, first
        command = ["Rscript", "--vanilla", str(HERE / "through_r.R"), folder, str(OLDER), str(first)]
        for line in lines_of(command, PATIENCE):
            number, *words = (word.strip() for word in line.rstrip("\n").split("\t"))
            if not re.fullmatch(r"\d+", number):
                continue
            if words[0] == "began":
                began = int(number)
                continue
            yield int(number), words
            if int(number):
                began, first = 0, int(number) + 1
        if began:
            yield began, ["crashed", "the process ended, or did not answer in time"]
            first = began + 1
        elif first == started:
            raise SystemExit(f"reticulate does not start: {' '.join(command)}")
        elif not any(number >= first for number in numbers):
            return


PEERS: dict[str, Callable[[list[Case]], Answer]] = {
    "rpy2": rpy2,
    "oct2py": oct2py,
    "reticulate": reticulate,
    "matlab.engine": matlab_engine,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the bridges and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "peers.json")
    parser.add_argument("--case", action="append", default=[], help="only these cases: the start of a name")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="only this bridge")
    asked = parser.parse_args(arguments)
    cases = cases_of(asked.case)
    found = []
    for name in asked.peer or PEERS:
        started = time.monotonic()
        found.append(PEERS[name](cases))
        counts = ", ".join(f"{times} {word}" for word, times in found[-1]["counts"].items() if times)
        print(f"{name}: {counts} of {len(cases)} in {time.monotonic() - started:.1f} s", flush=True)
    if not asked.peer:
        found += [arcuate(name, cases) for name in IDENTITY]
    asked.out.write_text(written(found), encoding="utf-8")


def written(found: list[Answer]) -> str:
    """The report as JSON, a case a line, so that two of them can be compared."""

    def line(thing: Any) -> str:
        return json.dumps(thing, ensure_ascii=False, separators=(",", ":"))

    heads = [line({k: v for k, v in one.items() if k != "cases"})[:-1] for one in found]
    bodies = [",\n".join(map(line, one["cases"])) for one in found]
    parts = [f'{head},"cases":[\n{body}\n]}}' for head, body in zip(heads, bodies, strict=True)]
    return '{"peers":[\n' + ",\n".join(parts) + "\n]}\n"


if __name__ == "__main__":
    main()
