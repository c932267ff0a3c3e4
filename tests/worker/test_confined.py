"""Confined workers: no new programs, no network, no files but their own; everything else as usual.

What a worker says about itself is not trusted: a listener sees that nobody comes, a file shows that it was
not written.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arcuate.client import Session
from arcuate.client.connecting import environments
from arcuate.errors import ArcuateError, CallTimeout, EnvironmentCrashed, PermissionDenied, RemoteError
from arcuate.values.limits import Limits
from arcuate.worker.confine import Restrictions, unavailable
from arcuate.worker.folders import PrivateFolder

LANGUAGES = ("python", "r", "octave")
CONFINED = Restrictions(confined=True)

pytestmark = [
    pytest.mark.skipif(bool(unavailable()), reason=f"confinement: {unavailable()}"),
    pytest.mark.filterwarnings("ignore::arcuate.client.RemoteWarning"),
]


def open_session(language: str, restrictions: Restrictions | None = CONFINED, **options: Any) -> Session:
    """A session as a hub opens it."""
    adapter: Any = environments()[language].load()
    if not adapter.doctor().found:
        pytest.skip(f"{language}: not installed")
    return Session(adapter(**options).open(Limits(), 3.0, restrictions), name=language)


@pytest.fixture(scope="module", params=LANGUAGES)
def confined(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A confined session."""
    with open_session(request.param) as session:
        yield session


def attempt(session: Session, **codes: str) -> str:
    """Evaluates the line for the session's language; what came of it, as text."""
    try:
        return str(session.eval(codes[session.info["environment"]]))
    except ArcuateError as error:
        return f"refused: {error}"


def test_it_computes(confined: Session) -> None:
    assert float(confined.eval("40+2")) == 42.0


def test_large_arrays_go_there_and_back(confined: Session) -> None:
    big = np.random.default_rng(3).standard_normal((700, 1500))
    confined["big"] = big
    assert np.array_equal(np.asarray(confined["big"]), big)
    del confined["big"]


PROGRAMS = {
    "direct": {"python": "__import__('os').system({0!r})", "r": "system('{0}')", "octave": "system('{0}')"},
    "by name": {
        "python": "list(map(getattr(__import__('os'), 'system'), [{0!r}]))",
        "r": "sapply('{0}', 'system')",
        "octave": "cellfun(@system, {{'{0}'}})",
    },
    "by a function of functions": {
        "python": "__import__('functools').reduce(lambda _, c: __import__('os').system(c), [0, {0!r}])",
        "r": "aggregate(data.frame(x = '{0}'), list(1), match.fun('system'))",
        "octave": "feval(str2func('system'), '{0}')",
    },
    "with a pipe": {
        "python": "__import__('subprocess').run({0!r}, shell=True)",
        "r": "readLines(pipe('{0}'))",
        "octave": "popen('{0}', 'r')",
    },
    "in a child": {
        "python": "(lambda o: o.waitpid(o.fork() or o._exit(o.system({0!r})), 0))(__import__('os'))",
        "r": "parallel::mccollect(parallel::mcparallel(system('{0}')))",
        "octave": "shell_cmd('{0}')",
    },
}


@pytest.mark.parametrize("how", PROGRAMS)
def test_no_program_is_started(confined: Session, how: str) -> None:
    # even into the folder that it may write to: nothing must appear there
    mark = Path(folder_of(confined)) / "started"
    codes = {name: code.format(f"/bin/sh -c : > {mark}") for name, code in PROGRAMS[how].items()}
    attempt(confined, **codes)
    assert not mark.exists()
    plain = {name: code.format(f"/usr/bin/touch {mark}") for name, code in PROGRAMS[how].items()}
    attempt(confined, **plain)
    assert not mark.exists()


def test_the_program_would_start_without_confinement(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    with open_session("r", None) as session:
        session.eval(PROGRAMS["by name"]["r"].format(f"/usr/bin/touch {mark}"))
    assert mark.exists()


def folder_of(session: Session) -> str:
    return str(
        session.eval({"python": "__import__('os').getcwd()"}.get(session.info["environment"], "c(getwd())"))
        if session.info["environment"] != "octave"
        else session.eval("pwd()")
    )


def test_no_network(confined: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        attempt(
            confined,
            python=f"__import__('socket').create_connection(('127.0.0.1', {port}), 2)",
            r=f"socketConnection('127.0.0.1', {port}, timeout = 2)",
            octave=f"urlread('http://127.0.0.1:{port}/', 'Timeout', 2)",
        )
        with pytest.raises(BlockingIOError):
            server.accept()


READERS = {
    "python": "open({0!r}).read()",
    "r": "paste(readLines('{0}', warn = FALSE), collapse = ' ')",
    "octave": "fileread('{0}')",
}


def reads(session: Session, path: str) -> str:
    return attempt(session, **{name: code.format(path) for name, code in READERS.items()})


def test_secrets_are_not_read(confined: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "tokens.toml"
    secret.write_text("hidden-token\n")
    assert "hidden-token" not in reads(confined, str(secret))
    assert "root:" not in reads(confined, "/etc/passwd")
    for path in (f"/proc/{os.getpid()}/environ", f"/proc/{os.getppid()}/environ"):
        assert "PATH=" not in reads(confined, path)


def test_the_callers_variables_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hidden-key")
    for language in LANGUAGES:
        with open_session(language) as session:
            found = attempt(
                session,
                python="str(dict(__import__('os').environ))",
                r="paste(Sys.getenv(), collapse = ' ')",
                octave="getenv('SOME_API_KEY')",
            )
        assert "hidden-key" not in found


def test_links_lead_nowhere(confined: Session, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("hidden-key\n")
    link = Path(folder_of(confined)) / "link"
    attempt(
        confined,
        python=f"__import__('os').symlink({str(secret)!r}, {str(link)!r})",
        r=f"file.symlink('{secret}', '{link}')",
        octave=f"symlink('{secret}', '{link}')",
    )
    assert "hidden-key" not in reads(confined, str(link))
    hard = link.with_name("hard")
    attempt(
        confined,
        python=f"__import__('os').link({str(secret)!r}, {str(hard)!r})",
        r=f"file.link('{secret}', '{hard}')",
        octave=f"link('{secret}', '{hard}')",
    )
    assert "hidden-key" not in reads(confined, str(hard))


def test_segments_of_another_session_are_not_read(confined: Session) -> None:
    with open_session("python") as other:
        other["big"] = np.full(100_000, 7.0)
        segments = other._transport._segments  # type: ignore[attr-defined]
        names = [segments.prefix + name for name in os.listdir(segments.prefix)]
        assert names
        for name in (*names, segments.prefix):
            code = {
                "python": f"__import__('os').stat({name!r}) and open({name!r}, 'rb').read(8)",
                "r": f"readBin('{name}', 'double')",
                "octave": f"fread(fopen('{name}'), 1)",
            }
            found = attempt(confined, **code)
            assert "refused" in found


def test_files_are_written_only_to_the_private_folder(confined: Session, tmp_path: Path) -> None:
    own = Path(folder_of(confined))
    writers = {
        "python": "open({0!r}, 'w').write('x')",
        "r": "writeLines('x', '{0}')",
        "octave": "fputs(fopen('{0}', 'w'), 'x')",
    }
    for target, works in ((tmp_path / "out", False), (own / "out", True)):
        attempt(confined, **{name: code.format(str(target)) for name, code in writers.items()})
        assert target.exists() is works
    kept = tmp_path / "kept"
    kept.write_text("kept")
    attempt(
        confined,
        python=f"__import__('os').unlink({str(kept)!r})",
        r=f"unlink('{kept}')",
        octave=f"unlink('{kept}')",
    )
    attempt(
        confined,
        python=f"__import__('os').chmod({str(kept)!r}, 0)",
        r=f"Sys.chmod('{kept}', '000')",
        octave="1",
    )
    assert kept.read_text() == "kept"
    assert kept.stat().st_mode & 0o777 != 0


def test_other_processes_are_left_alone(confined: Session) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        attempt(
            confined,
            python=f"__import__('os').kill({bystander.pid}, 9)",
            r=f"tools::pskill({bystander.pid}, 9)",
            octave=f"kill({bystander.pid}, 9)",
        )
        bystander.communicate(b"\n", timeout=20)
        assert bystander.returncode == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_interrupt_crash_and_end(language: str) -> None:
    with open_session(language) as session:
        folder = folder_of(session)
        assert os.stat(folder).st_mode & 0o777 == 0o700
        endless = {"python": "while True: pass", "r": "repeat {}", "octave": "while true, end"}
        with pytest.raises(CallTimeout):
            session.run(endless[language], timeout=0.3)
        assert float(session.eval("1+1")) == 2.0
        os.kill(session.info["pid"], 9)
        with pytest.raises(EnvironmentCrashed):
            session.eval("1+1")
        assert not os.path.exists(folder)
        assert float(session.eval("1+1")) == 2.0
        folder = folder_of(session)
        assert os.path.exists(folder)
    assert not os.path.exists(folder)


def test_packages_work_when_confined() -> None:
    with open_session("r") as session:
        assert float(session.call("stats::sd", [1.0, 2.0, 3.0])) == 1.0
        session.run("invisible(lm(mpg ~ wt, mtcars)); utils::head(letters)")
    with open_session("python") as session:
        session.run("import numpy, json, threading; t = threading.Thread(target=print); t.start(); t.join()")
        assert float(session.call("numpy.linalg.norm", [3.0, 4.0])) == 5.0
    with open_session("octave") as session:
        assert np.allclose(session.call("inv", np.eye(3) * 2), np.eye(3) / 2)


def test_a_secret_among_the_readable_files_is_noticed() -> None:
    import numpy as module

    with pytest.raises(PermissionDenied, match=r"__init__\.py.*move it elsewhere"):
        open_session("python", Restrictions(confined=True, secret=[str(module.__file__)]))


@pytest.mark.parametrize("kind", [True, False], ids=["confined", "unconfined"])
def test_memory_is_bounded(kind: bool) -> None:
    limit = Restrictions(confined=kind, memory=600 << 20)
    with open_session("python", limit) as session:
        with pytest.raises(RemoteError, match="MemoryError"):
            session.run("x = bytearray(1 << 30)")
        assert session.eval("len(bytearray(1 << 20))") == 1 << 20


def test_without_restrictions_nothing_changes(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with open_session("python", Restrictions(), cwd=str(tmp_path)) as session:
        assert session.eval("__import__('os').system('exit 3') >> 8") == 3
        session.run("open('out', 'w').close()")
    assert target.exists()


class TestFolders:
    """Folders that end with their maker."""

    def test_it_goes(self, tmp_path: Path) -> None:
        folder = PrivateFolder("x-", str(tmp_path))
        Path(folder.path, "file").touch()
        folder.close()
        folder.close()
        assert list(tmp_path.iterdir()) == []

    def test_what_a_killed_process_left_is_removed_and_what_lives_is_kept(
        self, tmp_path: Path, make_orphan: Callable[[Path], str]
    ) -> None:
        kept = PrivateFolder("x-", str(tmp_path))
        orphan = make_orphan(tmp_path)
        code = (
            "from arcuate.worker.folders import PrivateFolder; "
            f"PrivateFolder('x-', {str(tmp_path)!r}).close()"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
        assert os.path.isdir(kept.path)
        assert not os.path.exists(orphan)
        kept.close()

    @pytest.fixture
    def make_orphan(self) -> Callable[[Path], str]:
        def make(place: Path) -> str:
            code = (
                "import os, sys; from arcuate.worker.folders import PrivateFolder\n"
                f"f = PrivateFolder('x-', {str(place)!r}); print(f.path, flush=True); os._exit(9)"
            )
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
            path = done.stdout.strip()
            assert os.path.isdir(path)
            return path

        return make
