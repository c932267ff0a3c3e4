"""What a hub is told: ``arcuate.toml``, environment variables, the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from arcuate.hub.variables import Variables

__all__ = [
    "DEFAULT_ADDRESSES",
    "PROTOCOLS",
    "ArchiveConfig",
    "Config",
    "CurveConfig",
    "EnvironmentConfig",
    "LimitsConfig",
    "LogConfig",
    "TelemetryConfig",
    "TlsConfig",
]

MIB = 1 << 20
GIB = 1 << 30
DEFAULT_ADDRESSES = {"grpc": "127.0.0.1:50051", "zmq": "127.0.0.1:5555", "http": "127.0.0.1:8080"}
"""Where a hub listens that is told nothing."""
PROTOCOLS = (*DEFAULT_ADDRESSES, "mps")
"""All protocols; those that have no default are served where they are asked for only."""
_ARCHIVE = re.compile(r"[A-Za-z][\w-]{0,62}", re.ASCII)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EnvironmentConfig(_Table):
    """One environment that the hub offers under a name of its own."""

    language: str = Field(
        examples=["r"], description="the installed environment behind it: python, r, octave, ..."
    )
    options: dict[str, Any] = Field(
        examples=[{"home": "/opt/R/4.4", "lib": "/srv/r/library"}],
        default_factory=dict,
        description="options of connect(), such as home or path",
    )
    client_options: list[str] = Field(
        examples=[["cwd"]],
        default_factory=list,
        description="options that a client with the right to send code may set itself",
    )
    warm: int = Field(default=0, ge=0, description="interpreters kept ready for stateless calls")
    doc: str = Field(default="", description="one line that clients see in the list of environments")


class ArchiveConfig(_Table):
    """One archive of the Production Server bridge: functions under a name, and where they run."""

    environment: str = Field(
        examples=["r-spm"], description="the environment behind it, by its name in this hub"
    )
    directories: list[Path] = Field(
        examples=[["."]],
        default_factory=list,
        description="folders of .m or .R files whose functions it serves; of Python: put on sys.path",
    )
    functions: list[str] = Field(
        examples=[["stats::sd", "total=sum"]],
        default_factory=list,
        description="functions that it serves: name, stats::name, module.name, or other=name",
    )

    @model_validator(mode="after")
    def _serves(self) -> ArchiveConfig:
        if not self.directories and not self.functions:
            raise ValueError("an archive needs 'directories' or 'functions': it serves nothing else")
        return self


class LimitsConfig(_Table):
    """Limits of a hub. Each refusal names the setting."""

    connections: int = Field(default=1024, ge=1, description="connections at once")
    sessions: int = Field(default=256, ge=1, description="open sessions at once")
    sessions_each: int = Field(default=256, ge=1, description="open sessions of one principal")
    queue: int = Field(default=1000, ge=1, description="requests that may wait in one session")
    message: int = Field(default=2 * GIB, ge=1024, description="bytes of one message")
    array: int = Field(default=16 * GIB, ge=64, description="bytes of one array")
    nodes: int = Field(default=5_000_000, ge=64, description="values in one message")
    text: int = Field(
        default=256 * MIB, ge=64, description="bytes of all keys and short texts of one message"
    )
    depth: int = Field(default=64, ge=1, le=64, description="levels of nesting of a value")
    call_seconds: float | None = Field(
        examples=[600.0], default=None, gt=0, description="longest time that a call may take"
    )
    idle_seconds: float | None = Field(
        examples=[3600.0], default=None, gt=0, description="a session without a call for so long is closed"
    )
    memory: int | None = Field(
        examples=[8589934592],
        default=None,
        ge=64 * MIB,
        description="bytes of memory that an interpreter may take",
    )
    grace_seconds: float = Field(
        default=30.0, ge=0, description="a session whose connection dropped can be resumed for so long"
    )
    events: int = Field(default=10_000, ge=10, description="events kept for a client that does not read them")
    event_bytes: int = Field(default=64 * MIB, ge=1024, description="bytes of such events")
    recycle: int = Field(
        default=100, ge=1, description="stateless calls after which an interpreter is replaced"
    )
    pool: int = Field(
        default=4, ge=1, description="interpreters for stateless calls, per principal and environment"
    )
    nesting: int = Field(
        default=8, ge=0, description="levels of calls that code in interpreters makes from inside calls"
    )
    drain_seconds: float = Field(
        default=30.0, ge=0, description="running calls may go on for so long at the end"
    )
    replay: int = Field(default=1000, ge=0, description="samples kept per topic for late subscribers")
    replay_bytes: int = Field(default=64 * MIB, ge=0, description="bytes of such samples per topic")
    topics: int = Field(default=1000, ge=1, description="topics at once")
    stream_bytes: int = Field(
        default=GIB, ge=1024, description="bytes that the samples of all topics may take"
    )
    stream_buffer: int = Field(
        default=10_000, ge=1, description="samples that may wait for a subscriber, at most"
    )
    block_seconds: float = Field(
        default=30.0, gt=0, description="a publisher waits so long for subscribers that may lose nothing"
    )
    subscriptions: int = Field(default=1000, ge=1, description="subscriptions of one connection")
    results: int = Field(
        default=1000, ge=1, description="asynchronous requests of the Production Server bridge kept at once"
    )
    result_bytes: int = Field(
        default=GIB, ge=1024, description="bytes that their arguments and results may take"
    )
    result_seconds: float = Field(default=3600.0, gt=0, description="the result of one is kept for so long")


class TlsConfig(_Table):
    """Certificates of the gRPC and HTTP bridges."""

    certificate: Path | None = Field(
        examples=["hub.pem"], default=None, description="PEM file with the hub's certificate chain"
    )
    key: Path | None = Field(examples=["hub.key"], default=None, description="PEM file with its private key")
    client_ca: Path | None = Field(
        examples=["clients.pem"],
        default=None,
        description="PEM file with authorities; clients must show a certificate of theirs",
    )

    @model_validator(mode="after")
    def _whole(self) -> TlsConfig:
        if self.certificate is None:
            for name in ("key", "client_ca"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name!r} without 'certificate': there would be no TLS; give both")
        return self

    @property
    def enabled(self) -> bool:
        """Whether there is a certificate."""
        return self.certificate is not None


class CurveConfig(_Table):
    """Encryption of the ZeroMQ bridge."""

    key: Path | None = Field(
        examples=["curve.key"],
        default=None,
        description="file with the hub's CURVE key pair; made when it does not exist",
    )
    authorised_keys: Path | None = Field(
        examples=["authorised.keys"],
        default=None,
        description="file with the public keys of the ZeroMQ clients that may connect, one per line",
    )

    @property
    def enabled(self) -> bool:
        """Whether CURVE is on."""
        return self.key is not None or self.authorised_keys is not None


class LogConfig(_Table):
    """What the hub says while it runs."""

    level: Literal["debug", "info", "warning", "error", "off"] = Field(
        default="warning",
        description="from which level on: debug, info (calls and sessions), warning, error, off",
    )
    format: Literal["text", "json"] = Field(default="text", description="text, or json: one object per line")
    file: Path | None = Field(
        examples=["hub.log"], default=None, description="file to append to instead of the terminal (stderr)"
    )


class TelemetryConfig(_Table):
    """Metrics and traces. Never values, and off by default."""

    metrics: bool = Field(
        default=False, description="count calls for Prometheus, at /metrics of the HTTP bridge"
    )
    traces: bool = Field(
        default=False, description="OpenTelemetry spans; the OTEL_* variables say where they are sent"
    )


class Config(BaseSettings):
    """All that a hub is told."""

    model_config = SettingsConfigDict(extra="forbid")

    grpc: list[str] = Field(
        examples=[["127.0.0.1:50051"]],
        default_factory=list,
        description="addresses of the gRPC bridge: host:port",
    )
    zmq: list[str] = Field(
        examples=[["127.0.0.1:5555", "ipc:///run/arcuate/hub"]],
        default_factory=list,
        description="addresses of the ZeroMQ bridge: host:port or ipc:///folder/socket",
    )
    zmq_samples: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of the ZeroMQ socket for samples beside a host:port of zmq; 0: the system chooses",
    )
    http: list[str] = Field(
        examples=[["127.0.0.1:8080"]],
        default_factory=list,
        description="addresses of the HTTP bridge: host:port",
    )
    mps: list[str] = Field(
        examples=[["127.0.0.1:9910"]],
        default_factory=list,
        description="addresses of the Production Server bridge: host:port; it needs archives",
    )
    http_hosts: list[str] = Field(
        examples=[["hub.example.org"]],
        default_factory=list,
        description="names under which the HTTP and Production Server bridges are reached, beside localhost "
        "and addresses; *: any",
    )
    http_origins: list[str] = Field(
        examples=[["https://lab.example.org"]],
        default_factory=list,
        description="web pages whose scripts may use the HTTP and Production Server bridges",
    )
    tokens: Path | None = Field(
        examples=["tokens.toml"], default=None, description="file with tokens (arcuate token create)"
    )
    audit: Path | None = Field(
        examples=["audit.jsonl"],
        default=None,
        description="append-only log: who, what, when, outcome; never values",
    )
    insecure: bool = Field(
        default=False,
        description="allow addresses beyond this machine without authentication, or without encryption",
    )
    allow_unconfined: bool = Field(
        default=False, description="allow tokens without eval where interpreters cannot be confined"
    )
    delegation: bool = Field(
        default=True, description="let code in interpreters call back into the hub with its caller's rights"
    )
    tls: TlsConfig = Field(default_factory=TlsConfig, description="certificates for gRPC and HTTP")
    curve: CurveConfig = Field(default_factory=CurveConfig, description="encryption for ZeroMQ")
    environments: dict[str, EnvironmentConfig] = Field(
        default_factory=dict,
        description="environments by name; without any, every installed one under its own name",
    )
    archives: dict[str, ArchiveConfig] = Field(
        default_factory=dict, description="archives of the Production Server bridge by name"
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="limits, see below")
    log: LogConfig = Field(default_factory=LogConfig, description="what the hub says while it runs")
    telemetry: TelemetryConfig = Field(default_factory=TelemetryConfig, description="metrics and traces")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Variables(settings_cls)

    @field_validator(*PROTOCOLS, mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, int)) and not isinstance(value, bool) else value

    @field_validator(*PROTOCOLS)
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        return [address(one) for one in value]

    @field_validator("archives")
    @classmethod
    def _archives(cls, value: dict[str, ArchiveConfig]) -> dict[str, ArchiveConfig]:
        for name in value:
            if not _ARCHIVE.fullmatch(name) or name == "api":
                raise ValueError(
                    f"{name[:80]!r} is no name of an archive; allowed are letters, digits, _ and -, but not "
                    "'api'"
                )
        return value

    def addresses(self) -> dict[str, list[str]]:
        """Where to listen, by protocol; without any setting, on the default ports of this machine."""
        found = {name: list(getattr(self, name)) for name in PROTOCOLS if getattr(self, name)}
        return found or {name: [one] for name, one in DEFAULT_ADDRESSES.items()}


def address(text: str) -> str:
    """An address as the bridges take it: ``host:port`` or ``ipc:///path``. A port alone is this machine's.

    Raises:
        ValueError: it is no address.
    """
    scheme, found, rest = text.strip().partition("://")
    if found and scheme == "ipc":
        if not rest.startswith("/"):
            raise ValueError(f"{text!r} is no address; write ipc:///folder/socket, with an absolute path")
        return f"ipc://{rest}"
    if not found:
        rest = scheme
    elif scheme not in (*DEFAULT_ADDRESSES, "tcp"):
        raise ValueError(f"{text!r} is no address to listen on; write host:port, such as 127.0.0.1:0")
    if rest.isdigit():
        rest = f"127.0.0.1:{rest}"
    host, colon, port = rest.rpartition(":")
    bare = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not colon or not host or bare or not port.isdigit() or int(port) > 65535:
        raise ValueError(
            f"{text!r} is no address to listen on; write host:port, such as 127.0.0.1:0 (0: the system "
            "chooses the port) or [::1]:8080"
        )
    return rest
