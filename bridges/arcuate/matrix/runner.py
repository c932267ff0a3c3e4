"""The run: which cells there are, what is done in each, two clients at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from arcuate.matrix import answers, faults, features, observe, pairs, produce, values
from arcuate.matrix import client as clients
from arcuate.matrix.client import Client, Transport
from arcuate.matrix.languages import LANGUAGES
from arcuate.matrix.outcome import BAD, CaseResult, Cell, Verdict
from arcuate.matrix.program import Ended, Program
from arcuate.matrix.seat import Seat
from arcuate.matrix.servers import Servers
from arcuate.matrix.vectors import Case

__all__ = ["SMOKE", "WHATS", "ClientReport", "EnvironmentReport", "Run", "Selection"]

WHATS = ("decode", "echo", "observe", "produce", "feature", "error", "secure", "fault", "pair")
"""Kinds of cases, in the order in which they run."""
SMOKE = (
    "null", "bool/*", "int/*", "text/*", "float/*", "array/f8/*", "labelled/*",
    "call", "eval", "foreign-error", "unknown-function", "hub-down", "probe/*",
)  # fmt: skip
"""Patterns of the cases of ``--smoke``."""
_SMOKE_VECTORS = 12
_AT_ONCE = 2


@dataclass(frozen=True)
class Selection:
    """What is run; empty: everything.

    Attributes:
        clients: names of clients.
        environments: names of environments.
        transports: names of transports.
        cases: patterns of the names of cases.
        whats: kinds of cases, of :data:`WHATS`.
        smoke: a few cases of each kind.
        patience: seconds that a program may take for a value.
    """

    clients: Sequence[str] = ()
    environments: Sequence[str] = ()
    transports: Sequence[str] = ()
    cases: Sequence[str] = ()
    whats: Sequence[str] = ()
    smoke: bool = False
    patience: float = 60.0

    def what(self, name: str) -> bool:
        """Whether a kind of cases is run."""
        return not self.whats or name in self.whats

    def case(self, name: str) -> bool:
        """Whether a case is run."""
        if self.smoke and not any(fnmatchcase(name, pattern) for pattern in SMOKE):
            return False
        return not self.cases or any(
            fnmatchcase(name, one) or name.startswith(f"{one}/") for one in self.cases
        )


@dataclass
class ClientReport:
    """A client in the report."""

    name: str
    version: str = ""
    runtime: str = ""
    encoding: str = ""
    transports: list[str] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass
class EnvironmentReport:
    """An environment in the report."""

    name: str
    language: str
    version: str = ""
    missing: str = ""


class Run:
    """One run of the matrix.

    Args:
        found: the clients.
        environments: what is on this machine.
        cases: the golden vectors.
        selection: what is run.
        progress: told of each case that is done: the cell's name and how many cases it had so far.

    Attributes:
        cells: what happened.
        pairs: what happened when code in one environment called another one.
        reports: the clients.
    """

    def __init__(
        self,
        found: Sequence[Client],
        environments: Sequence[EnvironmentReport],
        cases: Sequence[Case],
        selection: Selection,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.clients = [one for one in found if not selection.clients or one.client in selection.clients]
        self.environments = [
            one for one in environments if not selection.environments or one.name in selection.environments
        ]
        self.vectors = (
            _few(cases, selection) if selection.smoke else [c for c in cases if selection.case(c.name)]
        )
        self.selection = selection
        self.cells: list[Cell] = []
        self.pairs: list[Cell] = []
        self._all, self._everything = list(found), list(cases)
        self.reports: list[ClientReport] = []
        self._progress = progress
        self._lock = threading.Lock()
        self._broken: dict[str, str] = {}
        self._programs: set[Program] = set()
        self._stop = False

    # ------------------------------------------------------------------ life

    def prepare(self, build: bool, told: Callable[[str], None] = lambda text: None) -> None:
        """Looks for the runtimes and builds the clients."""
        for one in self.clients:
            report = ClientReport(
                one.client, "", "", one.encoding, [way.name for way in one.transports], one.unsupported
            )
            self.reports.append(report)
            report.missing = one.missing() or ("" if build else one.unbuilt())
            if report.missing:
                continue
            if build:
                told(f"building {one.client}")
                self._broken[one.client] = clients.build(one)
            self._introduce(one, report)

    def _introduce(self, one: Client, report: ClientReport) -> None:
        if self._broken.get(one.client):
            return
        with Program(one.program(), one.folder) as program:
            try:
                hello = program.ask("hello")
            except (Ended, answers.Malformed, answers.Declined, answers.Refused, answers.Crash) as error:
                self._broken[one.client] = f"it does not introduce itself: {error}"
                return
        report.version, report.runtime = hello.version, hello.runtime
        if hello.protocol != 1:
            self._broken[one.client] = f"it speaks protocol {hello.protocol} of the runner; this one speaks 1"

    def run(self, servers: Servers) -> None:
        """Runs all cells."""
        with ThreadPoolExecutor(_AT_ONCE, "matrix") as pool:
            jobs = [pool.submit(job) for job in (*self._jobs(servers), *self._calling(servers))]
            try:
                for job in jobs:
                    job.result()  # its own errors are in the cells
            except BaseException:
                self._stop = True
                for job in jobs:
                    job.cancel()
                for program in list(self._programs):
                    program.kill()  # what waits for it goes on, and finds that it is to stop
                raise
        order = {one.client: number for number, one in enumerate(self.clients)}
        ways = {(one.client, way.name): n for one in self.clients for n, way in enumerate(one.transports)}
        places = {one.name: number for number, one in enumerate(self.environments)}
        self.pairs.sort(key=lambda cell: (places[cell.client], places.get(cell.environment, -1)))
        self.cells.sort(
            key=lambda cell: (
                order[cell.client],
                ways.get((cell.client, cell.transport), -1),
                places.get(cell.environment, -1),
            )
        )

    def _jobs(self, servers: Servers) -> list[Callable[[], None]]:
        jobs: list[Callable[[], None]] = []
        chosen = self.selection.whats
        if set(chosen) == {"pair"}:
            return jobs
        for one, report in zip(self.clients, self.reports, strict=True):
            broken = self._broken.get(one.client, "")
            if report.missing or broken:
                verdict = Verdict("missing", report.missing) if report.missing else Verdict("errored", broken)
                self._absent(one, verdict)
                continue
            jobs.append(partial(self._guarded, one, "", partial(self._alone, one, servers)))
            if not chosen or set(chosen) - {"decode", "pair"}:
                jobs += [
                    partial(self._guarded, one, way.name, partial(self._over, one, way, servers))
                    for way in self._ways(one)
                ]
        return jobs

    def _ways(self, one: Client) -> list[Transport]:
        chosen = self.selection.transports
        if self.selection.smoke and not chosen:
            return one.transports[:1]
        return [way for way in one.transports if not chosen or way.name in chosen or way.url in chosen]

    def _absent(self, one: Client, verdict: Verdict) -> None:
        for way in self._ways(one):
            for environment in self.environments:
                self._note(Cell(one.client, way.name, environment.name), verdict)

    def _note(self, cell: Cell, verdict: Verdict) -> None:
        cell.cases.append(CaseResult("runtime", "feature", verdict, 0.0))
        self._keep(cell)

    def _keep(self, cell: Cell) -> None:
        if cell.cases:
            with self._lock:
                self.cells.append(cell)

    def _guarded(self, one: Client, transport: str, job: Callable[[], None]) -> None:
        """Runs a job; a hub that does not start, for example, costs its cells and not the run."""
        try:
            job()
        except CancelledError:
            raise
        except Exception as error:
            text = f"the runner itself: {type(error).__name__}: {error}"
            self._note(Cell(one.client, transport, ""), Verdict("errored", text))

    @contextmanager
    def _program(self, one: Client, servers: Servers) -> Iterator[Program]:
        own = {"TMPDIR": str(servers.folder)}  # what one that is killed leaves there goes with the run
        with Program(one.program(), one.folder, own) as program:
            self._programs.add(program)
            try:
                yield program
            finally:
                self._programs.discard(program)

    # ----------------------------------------------------------------- cells

    def _alone(self, one: Client, servers: Servers) -> None:
        """What concerns the client alone: decoding, and the probes."""
        with self._program(one, servers) as program:
            seat = Seat(one, None, "", servers, program=program, patience=self.selection.patience)
            self._by_itself(one, seat)

    def _by_itself(self, one: Client, seat: Seat) -> None:
        try:
            if self.selection.what("decode"):
                for case in self.vectors:
                    if case.encoded(one.encoding) is not None:
                        self._do(seat, case.name, "decode", ("decode",), partial(values.decode, seat, case))
            if self.selection.what("feature"):
                for name, judge in features.probes(seat).items():
                    if self.selection.case(name):
                        self._do(seat, name, "feature", (), judge)
        finally:
            seat.end()
            self._keep(seat.cell)

    def _over(self, one: Client, way: Transport, servers: Servers) -> None:
        """Everything over one transport."""
        missing = one.missing(way)
        if missing:
            for environment in self.environments:
                self._note(Cell(one.client, way.name, environment.name), Verdict("missing", missing))
            return
        with self._program(one, servers) as program:
            for environment in self.environments:
                if environment.missing:
                    cell = Cell(one.client, way.name, environment.name)
                    self._note(cell, Verdict("missing", environment.missing))
                else:
                    self._inside(one, way, environment.name, servers, program)
            self._bad(one, way, servers, program)

    def _inside(
        self, one: Client, way: Transport, environment: str, servers: Servers, program: Program
    ) -> None:
        """All values, features and errors in one environment."""
        preludes = [LANGUAGES[environment].prelude, observe.prelude(environment)]
        preludes += [code for code in (produce.setup(environment),) if code]
        seat = Seat(one, way, environment, servers, preludes, program, self.selection.patience)
        chosen = self.selection
        try:
            cases = [case for case in self.vectors if values.travels(case, one.encoding)]
            small = [
                case for case in cases if not case.large
            ]  # what is observed or written is text of their size
            for case in cases if chosen.what("echo") else ():
                self._do(seat, case.name, "echo", (), partial(values.echo, seat, case))
            for case in small if chosen.what("observe") else ():
                self._do(seat, case.name, "observe", (), partial(values.observed, seat, case))
            for case in small if chosen.what("produce") else ():
                code = values.literal(case, environment)
                if code is not None:
                    judge = partial(values.produced, seat, case, code)
                    self._do(seat, case.name, "produce", (), judge)
            for name, feature in features.FEATURES.items() if chosen.what("feature") else ():
                if chosen.case(name):
                    self._do(seat, name, "feature", (name.split("/")[0],), partial(feature, seat))
            for name, (needs, error) in features.ERRORS.items() if chosen.what("error") else ():
                if chosen.case(name):
                    self._do(seat, name, "error", (needs,), partial(error, seat))
        finally:
            self._keep(seat.cell)

    def _bad(self, one: Client, way: Transport, servers: Servers, program: Program) -> None:
        """Secure connections and bad input; at last the program must end as it should."""
        seat = Seat(one, way, "", servers, program=program)
        try:
            if self.selection.what("secure"):
                for name, secure in faults.secure(seat).items():
                    if self.selection.case(name):
                        self._do(seat, name, "secure", (), secure)
            for name, fault in faults.FAULTS.items() if self.selection.what("fault") else ():
                if self.selection.case(name):
                    self._do(seat, name, "fault", (), partial(fault, seat))
        finally:
            seat.end()
            self._keep(seat.cell)

    def _do(
        self, seat: Seat, name: str, what: str, names: tuple[str, ...], judge: Callable[[], Verdict]
    ) -> None:
        if self._stop:
            raise CancelledError
        seat.attempt(name, what, (name, *names), judge)
        self._progress(1)

    # ----------------------------------------------------------------- pairs

    def _calling(self, servers: Servers) -> list[Callable[[], None]]:
        """A job for each environment as the caller; part of a run that chooses no client and no transport."""
        chosen = self.selection
        narrow = chosen.clients or chosen.transports or chosen.smoke or chosen.whats
        if "pair" not in chosen.whats and narrow:
            return []
        driver = next((one for one in self._all if one.client == "python"), None)
        places = [one for one in self.environments if one.name in pairs.CALLERS]
        return [partial(self._caller, one, driver, places, servers) for one in places] if driver else []

    def _caller(
        self, one: EnvironmentReport, driver: Client, places: list[EnvironmentReport], servers: Servers
    ) -> None:
        """One environment calls all others."""
        lacking = one.missing or pairs.missing(one.name, self._all, clients.checkout())
        if lacking:
            for other in places:
                cell = Cell(one.name, pairs.INSIDE, other.name)
                cell.cases.append(CaseResult("runtime", "pair", Verdict("missing", lacking), 0.0))
                self._add(cell)
            return
        way = next(way for way in driver.transports if way.url == "http")
        vectors = [
            case
            for case in self._everything
            if case.name in pairs.VECTORS and (not self.selection.cases or self.selection.case(case.name))
        ]
        try:
            with self._program(driver, servers) as program:
                preludes = pairs.preludes(one.name, clients.checkout())
                seat = Seat(driver, way, one.name, servers, preludes, program, self.selection.patience)
                there: list[str] = []
                for other in places:
                    if self._stop:
                        raise CancelledError
                    if other.missing:
                        cell = Cell(one.name, pairs.INSIDE, other.name)
                        verdict = Verdict("missing", other.missing)
                        cell.cases.append(CaseResult("runtime", "pair", verdict, 0.0))
                    else:
                        cell = pairs.attempt(seat, other.name, there, vectors)
                        there.insert(0, other.name)
                    self._add(cell)
        except CancelledError:
            raise
        except Exception as error:
            cell = Cell(one.name, pairs.INSIDE, "")
            verdict = Verdict("errored", f"the runner itself: {type(error).__name__}: {error}")
            cell.cases.append(CaseResult("runtime", "pair", verdict, 0.0))
            self._add(cell)

    def _add(self, cell: Cell) -> None:
        with self._lock:
            self.pairs.append(cell)
        self._progress(len(cell.cases))

    # ---------------------------------------------------------------- result

    def failed(self, require_all: bool = False) -> bool:
        """Whether the exit status is 1.

        Args:
            require_all: a missing runtime is a failure, except for MATLAB, which nobody can install freely.
        """
        cells = [*self.cells, *self.pairs]
        bad = any(cell.counts[name] for cell in cells for name in BAD)
        lacking = any(cell.counts["missing"] for cell in cells if cell.environment != "matlab")
        return bad or not self.judged or (require_all and lacking)

    @property
    def judged(self) -> int:
        """How many cases were run; with none, nothing has been shown."""
        cells = [*self.cells, *self.pairs]
        return sum(number for cell in cells for name, number in cell.counts.items() if name != "missing")


def _few(cases: Sequence[Case], selection: Selection) -> list[Case]:
    """Some vectors of the smoke selection: of each pattern the first ones."""
    chosen: list[Case] = []
    for pattern in SMOKE:
        fits = [one for one in cases if fnmatchcase(one.name, pattern) and not one.large and not one.error]
        chosen += [one for one in fits if selection.case(one.name)][:2]
    return chosen[:_SMOKE_VECTORS]


def environments() -> list[EnvironmentReport]:
    """The environments that can be in a hub on this machine, and what is missing."""
    from arcuate.client import environments as announced

    reports = []
    for name in sorted(announced(), key=lambda name: (name != "python", name == "matlab", name)):
        if name not in LANGUAGES:
            continue
        try:
            adapter: Any = announced()[name].load()
            found = adapter.doctor()
        except Exception as error:
            reports.append(EnvironmentReport(name, name, "", f"its adapter does not load: {error}"))
            continue
        lacking = (
            ""
            if found.found
            else " ".join([*found.missing, f"To get it: {found.install}" * bool(found.install)])
        )
        reports.append(EnvironmentReport(name, adapter.language, found.version, lacking.strip()))
    return reports
