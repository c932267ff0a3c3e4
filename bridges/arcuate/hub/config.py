"""What a hub is told: ``arcuate.toml``, environment variables, the command line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Config", "EnvironmentConfig", "LimitsConfig"]

MIB = 1 << 20
GIB = 1 << 30


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EnvironmentConfig(_Table):
    """One environment that the hub offers under a name of its own."""

    language: str = Field(description="the installed environment behind it: python, r, octave, ...")
    options: dict[str, Any] = Field(
        default_factory=dict, description="options of connect(), such as home or path"
    )
    client_options: list[str] = Field(
        default_factory=list, description="options that a client with the right to send code may set itself"
    )
    warm: int = Field(default=0, ge=0, description="interpreters kept ready for stateless calls")
    doc: str = Field(default="", description="one line that clients see in the list of environments")


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
    call_seconds: float | None = Field(default=None, gt=0, description="longest time that a call may take")
    idle_seconds: float | None = Field(
        default=None, gt=0, description="a session without a call for so long is closed"
    )
    memory: int | None = Field(
        default=None, ge=64 * MIB, description="bytes of memory that an interpreter may take"
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
    drain_seconds: float = Field(
        default=30.0, ge=0, description="running calls may go on for so long at the end"
    )
    replay: int = Field(default=1000, ge=0, description="samples kept per topic for late subscribers")
    replay_bytes: int = Field(default=64 * MIB, ge=0, description="bytes of such samples per topic")
    topics: int = Field(default=1000, ge=1, description="topics at once")


class Config(BaseSettings):
    """All that a hub is told."""

    model_config = SettingsConfigDict(env_prefix="ARCUATE_HUB_", env_nested_delimiter="__", extra="forbid")

    environments: dict[str, EnvironmentConfig] = Field(
        default_factory=dict,
        description="environments by name; without any, every installed one under its own name",
    )
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="limits, see below")
