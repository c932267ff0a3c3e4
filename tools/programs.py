"""Programs that tests use and that no Python package holds: pinned in .tools where they can be, made once.

Peers written in Go; axe-core, which looks at the accessibility of pages, from npm; Chromium from the system
packages. What cannot be had is left out, and the tests that need it say so and are skipped.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import environment as env
import system

FOLDER = env.ROOT / ".tools"
GO = {
    "fake-gcs-server": ("github.com/fsouza/fake-gcs-server", "v1.56.1"),
    "grpcurl": ("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3"),
    "protoc-gen-go": ("google.golang.org/protobuf/cmd/protoc-gen-go", "v1.36.12"),
    "protoc-gen-go-grpc": ("google.golang.org/grpc/cmd/protoc-gen-go-grpc", "v1.6.2"),
}
"""Name: (module, version)."""
AXE = "axe-core@4.14.1"
"""The one file of it that is used becomes .tools/axe.min.js."""
DATABASES = {
    "hdf5-tools": ("/usr/bin/h5dump",),
    "mariadb-server": ("/usr/sbin/mariadbd",),
    "nats-server": ("/usr/sbin/nats-server",),
    "netcdf-bin": ("/usr/bin/ncdump",),
    "mosquitto": ("/usr/sbin/mosquitto",),
    "mosquitto-clients": ("/usr/bin/mosquitto_sub",),
    "openssh-server": ("/usr/sbin/sshd",),
    "postgresql": ("/usr/lib/postgresql/*/bin/postgres", "/usr/bin/postgres"),
    "redis-server": ("/usr/bin/redis-server",),
}
"""Debian's package: where its program is, of any version."""
SERVERS = {
    "azurite": "3.37.0",
    "graphql-yoga": "5.24.1 graphql@16.15.0 graphql-ws@6.4.2 ws@8.21.3",
    "json-server": "0.17.4",
    "oauth2-mock-server": "8.2.3",
    "oidc-provider": "9.13.3",
    "ws": "8.21.3",
}
"""Servers from npm that connectors are tested against: name: version, and what else is in its folder."""
JARS = {"mongo-java-server": "de.bwaldvogel:mongo-java-server:1.47.0"}
"""Servers written in Java: name: what Maven calls it. They are run with the compiler of a JDK."""
KAFKA = "3.9.1"
"""Kafka's broker and console tools: .tools/kafka/*.jar, from Maven, run by Java 17."""
SOURCES = {"oct2py": "6.1.1"}
"""Source distributions whose tests are run here: .tools/NAME/NAME-VERSION.tar.gz, never imported."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
"""Names of the program, the best known first."""


def install() -> list[str]:
    """Make what is missing; return what could not be made, as lines ``name: reason``.

    What compiles, what npm fetches and what the system's packages bring go at the same time.
    """

    def packages() -> list[str]:
        return [*install_databases(), *install_chromium(), *install_jars(), *install_kafka()]

    def compiled() -> list[str]:
        return [*install_go(), *install_ferretdb()]

    def from_npm() -> list[str]:
        return [*install_axe(), *install_servers()]

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(work) for work in (compiled, from_npm, packages)]
        return [line for one in running for line in one.result()]


def install_jars() -> list[str]:
    """Fetch the servers written in Java, each with what it needs in .tools/maven/NAME."""
    if not (shutil.which("mvn") and shutil.which("javac")):
        system.install(["maven", "default-jdk-headless"])
    mvn = shutil.which("mvn")
    if mvn is None or shutil.which("javac") is None:
        return [f"{name}: Maven and a JDK are not installed" for name in JARS]
    problems = []
    (FOLDER / "maven").mkdir(parents=True, exist_ok=True)
    for name, artifact in JARS.items():
        folder = FOLDER / "maven" / name
        with env.locked(folder):
            mark = folder / "installed.version"
            if mark.is_file() and mark.read_text() == artifact:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            group, own, version = artifact.split(":")
            parts = f"<groupId>{group}</groupId><artifactId>{own}</artifactId><version>{version}</version>"
            (folder / "pom.xml").write_text(
                "<project><modelVersion>4.0.0</modelVersion><groupId>tools</groupId><version>1</version>"
                f"<artifactId>tools</artifactId><dependencies><dependency>{parts}</dependency></dependencies>"
                "</project>"
            )
            plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            command = [mvn, "-q", "-B", "-f", str(folder / "pom.xml"), plugin, f"-DoutputDirectory={folder}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                problems.append(f"{name}: {(done.stdout.strip().splitlines() or ['mvn failed'])[0]}")
                continue
            mark.write_text(artifact)
    return problems


def install_databases() -> list[str]:
    """Install the servers that connectors are tested against, where that needs no password."""
    missing = [package for package, places in DATABASES.items() if not any(map(glob.glob, places))]
    if not missing or system.install(missing):
        return []
    return [f"{one}: not installed; on Debian type: sudo apt-get install -y {one}" for one in missing]


def install_chromium() -> list[str]:
    """Install Chromium where that needs no password."""
    if any(map(shutil.which, CHROMIUM)) or system.install(["chromium"]):
        return []
    return ["chromium: not installed; on Debian type: sudo apt-get install -y chromium"]


def install_axe() -> list[str]:
    """Fetch the one file of axe-core."""
    target, mark = FOLDER / "axe.min.js", FOLDER / "axe.version"
    if target.is_file() and mark.is_file() and mark.read_text() == AXE:
        return []
    npm = shutil.which("npm")
    if npm is None:
        return ["axe: npm is not installed"]
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, AXE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"axe: {(done.stderr.strip().splitlines() or ['npm pack failed'])[-1]}"]
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            file = archive.extractfile("package/axe.min.js")
            assert file is not None
            target.write_bytes(file.read())
    mark.write_text(AXE)
    return []


def fetch_sources(python: Path) -> list[str]:
    """Fetch source distributions by the pip of a Python."""
    problems = []
    for name, version in SOURCES.items():
        folder = FOLDER / name
        if (folder / f"{name}-{version}.tar.gz").is_file():
            continue
        command = [str(python), "-m", "pip", "download", "-q", "--no-deps", "--ignore-requires-python"]
        command += ["--no-binary", ":all:", "-d", str(folder), f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            problems.append(f"{name}: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
    return problems


def install_servers() -> list[str]:
    """Install the servers of npm, each in a folder of its own: .tools/npm/NAME."""
    npm = shutil.which("npm")
    if npm is None:
        return [f"{name}: npm is not installed" for name in SERVERS]
    problems = []
    (FOLDER / "npm").mkdir(parents=True, exist_ok=True)
    for name, version in SERVERS.items():
        folder = FOLDER / "npm" / name
        with env.locked(folder):
            mark = folder / "installed.version"
            if mark.is_file() and mark.read_text() == version:
                continue
            folder.mkdir(parents=True, exist_ok=True)
            command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(
                [*command, "--prefix", str(folder), *f"{name}@{version}".split()],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                problems.append(f"{name}: {(done.stderr.strip().splitlines() or ['npm install failed'])[-1]}")
                continue
            mark.write_text(version)
    return problems


_NO_OTHERS = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>arcuate</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>VERSION</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>VERSION</version>OTHERS
</dependency><dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId><version>1.7.36</version>
</dependency></dependencies></project>
"""


def install_kafka() -> list[str]:
    """Fetch Kafka's broker."""
    folder = FOLDER / "kafka"
    mark = folder / "installed.version"
    with env.locked(folder):
        if mark.is_file() and mark.read_text() == KAFKA:
            return []
        needed = [package for name, package in _JAVA.items() if shutil.which(name) is None]
        if needed and not system.install(needed):
            return [f"kafka: on Debian type: sudo apt-get install -y {' '.join(needed)}"]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pom = folder / "pom.xml"
        pom.write_text(_POM.replace("VERSION", KAFKA).replace("OTHERS", _NO_OTHERS))
        print(f"fetching Kafka {KAFKA} by Maven", flush=True)
        done = subprocess.run(
            [
                *("mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={folder}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return [f"kafka: {(done.stdout.strip().splitlines() or ['mvn failed'])[0]}"]
        mark.write_text(KAFKA)
    return []


_JAVA = {"mvn": "maven", "java": "openjdk-17-jre-headless"}
"""Program: Debian's package."""


def install_go(names: Iterable[str] = tuple(GO)) -> list[str]:
    """Build these programs, which are written in Go."""
    problems = []
    bin_folder = FOLDER / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    with env.locked(FOLDER / "go"):
        for name in names:
            module, version = GO[name]
            mark = FOLDER / f"{name}.version"
            if (bin_folder / name).exists() and mark.is_file() and mark.read_text() == version:
                continue
            go = shutil.which("go")
            if go is None:
                problems.append(f"{name}: Go is not installed")
                continue
            print(f"building {name} {version} with Go", flush=True)
            started = time.perf_counter()
            done = subprocess.run(
                [go, "install", f"{module}@{version}"],
                env={**os.environ, "GOBIN": str(bin_folder)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["go install failed"])[-1]
                problems.append(f"{name}: {last}")
                continue
            mark.write_text(version)
            print(f"{name} made in {time.perf_counter() - started:.0f} s")
    return problems


FERRETDB = ("github.com/FerretDB/FerretDB", "v1.24.0")
"""A server of MongoDB's protocol, whose documents are in PostgreSQL."""


def install_ferretdb() -> list[str]:
    """Build FerretDB: two minutes of one processor, without the backend that brings SQLite along.

    Its module lacks a file that its own build makes and without which it does not start: a copy is built.
    """
    module, version = FERRETDB
    target, mark = FOLDER / "bin" / "ferretdb", FOLDER / "ferretdb.version"
    go = shutil.which("go")
    target.parent.mkdir(parents=True, exist_ok=True)
    with env.locked(FOLDER / "go"):
        if target.exists() and mark.is_file() and mark.read_text() == version:
            return []
        if go is None:
            return ["ferretdb: Go is not installed"]
        print(f"building ferretdb {version} with Go", flush=True)
        started = time.perf_counter()
        command = [go, "mod", "download", "-json", f"{module}@{version}"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"ferretdb: {(done.stderr.strip().splitlines() or ['go mod download failed'])[-1]}"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "source"
            shutil.copytree(json.loads(done.stdout)["Dir"], source)
            for one in (source, *source.rglob("*")):  # Go's own copy is read-only
                one.chmod(one.stat().st_mode | 0o200)
            (source / "build/version/version.txt").write_text(version)
            command = [go, "build", "-tags", "ferretdb_no_sqlite", "-o", str(target), "./cmd/ferretdb"]
            done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"ferretdb: {(done.stderr.strip().splitlines() or ['go build failed'])[-1]}"]
        mark.write_text(version)
        print(f"ferretdb made in {time.perf_counter() - started:.0f} s")
    return []


CLIENT = env.ROOT / "clients/go"
CLIENT_MARK = FOLDER / "go-client.version"
"""Says for which dependencies the Go client was compiled: they take a minute, itself a second."""


def build_go_client() -> list[str]:
    """Compile the Go client, so that its tests are quick; return problems as :func:`install` does."""
    go = shutil.which("go")
    if go is None:
        return ["go: Go is not installed"]
    wanted = env.stamp_of(*((CLIENT / name).read_text() for name in ("go.mod", "go.sum")))
    if CLIENT_MARK.is_file() and CLIENT_MARK.read_text() == wanted:
        return []
    print("building clients/go", flush=True)
    FOLDER.mkdir(exist_ok=True)
    for command in (["vet", "./..."], ["build", "-o", os.devnull, "./..."], ["test", "-run", "^$", "./..."]):
        done = subprocess.run([go, *command], cwd=CLIENT, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"go {command[0]} failed"])[-1]
            return [f"go: {last}"]
    CLIENT_MARK.write_text(wanted)
    return []
