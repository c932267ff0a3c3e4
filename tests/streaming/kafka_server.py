"""A broker of Kafka, its data in a folder of its own, ended by its id; and Kafka's own console tools."""

from __future__ import annotations

import base64
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

JARS = Path(__file__).parents[2] / ".tools" / "kafka"
LOGGING = """log4j.rootLogger=WARN, stdout
log4j.logger.kafka.server=INFO
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%p %m%n
"""
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:CONTROL
listeners=PLAINTEXT://127.0.0.1:PORT,SASL://127.0.0.1:SECURE,TLS://127.0.0.1:LOCKED,FAULTY://127.0.0.1:BEHIND,CONTROLLER://127.0.0.1:CONTROL
advertised.listeners=PLAINTEXT://127.0.0.1:PORT,SASL://127.0.0.1:SECURE,TLS://127.0.0.1:LOCKED,FAULTY://127.0.0.1:PROXIED
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,FAULTY:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_tester="PASSWORD";
listener.name.tls.scram-sha-256.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=FOLDER/server.pem
listener.name.tls.ssl.truststore.type=PEM
listener.name.tls.ssl.truststore.location=FOLDER/ca.pem
listener.name.tls.ssl.client.auth=required
log.dirs=FOLDER/logs
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
log.cleaner.enable=false
"""
PASSWORD = "s3cret-of-kafka"


class Kafka:
    """A broker that runs.

    Attributes:
        port: where it listens.
        secure: where it asks for the user "tester" and PASSWORD.
        locked: where it speaks TLS, wants a certificate of ours, and the password by SCRAM.
        ca, certificate: PEM files of the authority, and of ours with its key.
        behind, proxied: where it listens and says that it listens elsewhere, which is for a proxy.
    """

    def __init__(self, folder: Path) -> None:
        java = shutil.which("java")
        if java is None or not (JARS / "installed.version").is_file():
            pytest.skip("kafka: not installed; type: python3 tools/setup.py tools")
        self._folder = folder
        (folder / "log4j.properties").write_text(LOGGING)
        self._java = [java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{JARS}/*"]
        self._java += [f"-Dlog4j.configuration=file:{folder}/log4j.properties"]
        self.port, self.secure, self.locked, self.behind, self.proxied, control = _ports(6)
        text = SETTINGS
        for name, value in (
            (":CONTROL", f":{control}"),
            (":PORT", f":{self.port}"),
            (":SECURE", f":{self.secure}"),
            (":LOCKED", f":{self.locked}"),
            (":BEHIND", f":{self.behind}"),
            (":PROXIED", f":{self.proxied}"),
            ("PASSWORD", PASSWORD),
            ("FOLDER", str(folder)),
        ):
            text = text.replace(name, value)
        (folder / "server.properties").write_text(text)
        settings = str(folder / "server.properties")
        self._certify()
        # As Kafka's own storage tool would write it, which takes as long as any program of Java's.
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        (folder / "logs").mkdir()
        (folder / "logs" / "meta.properties").write_text(f"version=1\ncluster.id={name}\nnode.id=1\n")
        with (folder / "out").open("wb") as out:
            self.process = subprocess.Popen(
                [*self._java, "kafka.Kafka", settings],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def _certify(self) -> None:
        authority = trustme.CA()
        self.ca, self.certificate = str(self._folder / "ca.pem"), str(self._folder / "us.pem")
        authority.cert_pem.write_to_path(self.ca)
        authority.issue_cert("us").private_key_and_cert_chain_pem.write_to_path(self.certificate)
        server = authority.issue_cert("127.0.0.1")
        key = load_pem_private_key(server.private_key_pem.bytes(), None)
        pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # as Java wants it
        chain = b"".join(one.bytes() for one in server.cert_chain_pems)
        (self._folder / "server.pem").write_bytes(pkcs8 + chain)

    @property
    def url(self) -> str:
        """Its address."""
        return f"kafka://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Returns when it runs."""
        end = time.monotonic() + 60
        while "Kafka Server started" not in (said := (self._folder / "out").read_text()):
            assert self.process.poll() is None, said[-3000:]
            assert time.monotonic() < end, said[-3000:]
            time.sleep(0.05)  # it says it in its log only
        kind = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        known = UserScramCredentialUpsertion("tester", kind, PASSWORD.encode())
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.port}"})
        admin.alter_user_scram_credentials([known])["tester"].result(20)

    def _run(self, *command: str, given: str = "") -> str:
        done = subprocess.run(
            [*self._java, *command], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def produce(self, topic: str, lines: str, *options: str) -> None:
        """Publishes lines by Kafka's console producer."""
        where = ("--bootstrap-server", f"127.0.0.1:{self.port}", "--topic", topic)
        self._run("kafka.tools.ConsoleProducer", *where, *options, given=lines)

    def consume(self, topic: str, count: int, *options: str) -> list[str]:
        """Reads so many messages from the beginning by Kafka's console consumer."""
        where = ("--bootstrap-server", f"127.0.0.1:{self.port}", "--topic", topic, "--from-beginning")
        most = ("--max-messages", str(count), "--timeout-ms", "20000")
        found = self._run("org.apache.kafka.tools.consumer.ConsoleConsumer", *where, *most, *options)
        return found.splitlines()

    def kill(self) -> None:
        """Ends it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def _ports(count: int) -> list[int]:
    """Ports that the system chose, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


@contextmanager
def kafka_broker() -> Iterator[Kafka]:
    """A broker."""
    folder = Path(tempfile.mkdtemp(prefix="arc-kafka-"))
    broker = None
    try:
        broker = Kafka(folder)
        broker.wait()
        yield broker
    finally:
        if broker is not None:
            broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
