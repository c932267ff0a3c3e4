"""Settings from all their sources, and secrets that nobody sees."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from arcuate.connector import (
    Connector,
    ConnectorConfig,
    IntegrationError,
    Secret,
    conceal,
    load,
    redacted,
    reveal,
)
from arcuate.connector.redis_client import translating
from arcuate.connector.secrets import cause
from arcuate.errors import InvalidArgument

PASSWORD = "s3cr3t/+=?word"


class Config(ConnectorConfig):
    token: Secret | None = None
    size: int = 5


class Probe(Connector):
    """A connector without a system."""

    Config = Config
    default_name = "probe"
    fails: Exception | None = None
    closed = 0

    def _check(self) -> dict[str, Any]:
        if self.fails is not None:
            raise self.fails
        return {"version": "1"}

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "connectors.toml"
    path.write_text('[connector.probe]\nurl = "toml://x"\nsize = 1\ntimeouts = {read = 1.0, call = 2.0}\n')
    monkeypatch.setenv("ARCUATE_CONNECTORS", str(path))
    return path


def test_what_comes_first_wins(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(Config, name="probe").size == 1
    monkeypatch.setenv("ARCUATE_PROBE_SIZE", "2")
    monkeypatch.setenv("ARCUATE_PROBE_TIMEOUTS__READ", "7.5")
    found = load(Config, name="probe")
    assert (found.size, found.timeouts.read, found.timeouts.call, found.url) == (2, 7.5, 2.0, "toml://x")
    assert load(Config, {"size": 3}, name="probe").size == 3
    assert load(Config, {"size": 3}, {"size": 4}, name="probe").size == 4
    assert load(Config, name="another").size == 5


def test_a_program_keeps_settings_of_its_own_in_a_mapping() -> None:
    assert Probe({"url": "x://y", "experiment": 7}).config.extra == {"experiment": 7}
    with pytest.raises(InvalidArgument, match=r"of probe: there is no setting 'sise'; there are .*size"):
        Probe(sise=3)


def test_an_unknown_key_in_a_file_is_an_error(toml: Path) -> None:
    toml.write_text("[connector.probe]\nsise = 1\n")
    with pytest.raises(InvalidArgument, match="no setting 'sise'"):
        Probe()
    toml.write_text("[connector.probe\n")
    with pytest.raises(InvalidArgument, match="cannot be read"):
        Probe()
    toml.write_text("connector = 3\n")
    with pytest.raises(InvalidArgument, match="are tables"):
        Probe()


@pytest.mark.parametrize(
    "wrong",
    [{"size": "many"}, {"timeouts": {"read": 0}}, {"retry": {"attempts": 0}}, {"rate": {"calls": -1}}],
)
def test_a_wrong_value_names_its_setting(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Probe(**wrong)
    key = next(iter(wrong))
    assert f"setting '{key}" in str(caught.value)


@pytest.mark.parametrize("name", ["", "1a", "a b", "../x", "x" * 65])
def test_names(name: str) -> None:
    if name:
        with pytest.raises(InvalidArgument, match="a connector's name"):
            Probe(name=name)
    else:
        assert Probe(name=name).name == "probe"


def places(probe: Probe, caplog: pytest.LogCaptureFixture) -> str:
    """All that a program might print."""
    logging.getLogger("t").warning("%s %r", probe, probe.config)
    shown = [repr(probe), repr(probe.config), str(probe.config), caplog.text, str(vars(probe))]
    try:
        raise RuntimeError(probe.config)
    except RuntimeError:
        shown.append(traceback.format_exc())
    return "\n".join(shown)


def test_secrets_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    url = f"postgresql://user:{quote(PASSWORD, safe='')}@host/db?api_key={PASSWORD}x"
    probe = Probe(url=url, token=PASSWORD)
    shown = places(probe, caplog)
    assert PASSWORD not in shown
    assert quote(PASSWORD, safe="") not in shown
    assert "postgresql://user:***@host/db" in shown
    assert reveal(probe.config.token) == PASSWORD


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(InvalidArgument) as caught:
        Probe(token={"x": PASSWORD})
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_health_conceals() -> None:
    written = quote(PASSWORD, safe="")
    probe = Probe(url=f"x://user:{written}@host", token=PASSWORD)
    probe.fails = IntegrationError(f"login failed for {PASSWORD} at x://user:{written}@host")
    health = probe.health()
    assert health.status == "down"
    assert not health
    assert "login failed" in health.detail
    assert PASSWORD not in health.detail
    assert "s3cr3t" not in health.detail


def test_where_secrets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_TOKEN", "from env")
    assert reveal("env:PROBE_TOKEN") == "from env"
    with pytest.raises(InvalidArgument, match="'NOT_THERE', which is not set"):
        reveal("env:NOT_THERE")
    path = tmp_path / "token"
    path.write_text("from file\n")
    path.chmod(0o600)
    assert reveal(f"file:{path}") == "from file"
    path.chmod(0o644)
    with pytest.raises(InvalidArgument, match="chmod 600"):
        reveal(f"file:{path}")
    with pytest.raises(InvalidArgument, match="cannot be read"):
        reveal("file:/nowhere/at/all")
    assert reveal("plain") == "plain"
    assert reveal("https://not.a.place") == "https://not.a.place"


def test_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends.fail import Keyring as Broken

    class Memory(keyring.backend.KeyringBackend):
        priority = 1

        def __init__(self) -> None:
            self.kept = {("service", "user"): "from keyring"}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

    before = keyring.get_keyring()
    try:
        keyring.set_keyring(Memory())
        assert reveal("keyring:service/user") == "from keyring"
        with pytest.raises(InvalidArgument, match="no password of 'other'"):
            reveal("keyring:service/other")
        with pytest.raises(InvalidArgument, match="keyring:SERVICE/USER"):
            reveal("keyring:service")
        keyring.set_keyring(Broken())
        with pytest.raises(InvalidArgument, match="cannot be read"):
            reveal("keyring:service/user")
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@h/0", "redis://:***@h/0"),
        ("http://u:p%40w@h:1/p?x=1&token=abc&y=2", "http://u:***@h:1/p?x=1&token=***&y=2"),
        ("http://h/p?API_KEY=abc#f", "http://h/p?API_KEY=***#f"),
        ("http://h/p?monkey=1", "http://h/p?monkey=1"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("http://[::1/", "***"),
    ],
)
def test_redacted(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_conceal_leaves_short_words_alone() -> None:
    assert conceal("a cat sat", ["a", None, ""]) == "a cat sat"
    assert conceal("see http://h/?token=abc&x=1 there", []) == "see http://h/?token=***&x=1 there"
    assert conceal("see http://h:80/a@b and me@there", []) == "see http://h:80/a@b and me@there"


def test_conceal_leaves_no_part() -> None:
    """Of a secret of which another one is a part; of a password in an address in the middle of a text."""
    assert conceal("it was abcdefgh", ["abcd", "abcdefgh"]) == "it was ***"
    assert conceal("see http://me:p%40w@h:1/x?a=1 there", []) == "see http://me:***@h:1/x?a=1 there"
    assert conceal("OSError('redis://:p@w@h/0')", []) == "OSError('redis://:***@h/0')"
    for name in ("accessToken", "clientSecret", "subscription-key", "appid", "X-Amz-Signature"):
        assert conceal(f"GET http://h/x?a=1&{name}=abc 200", []) == f"GET http://h/x?a=1&{name}=*** 200"
    assert conceal("http://h/?author=me", []) == "http://h/?author=me"


def test_a_server_that_repeats_the_password_which_it_does_not_understand() -> None:
    """Neither the error nor its chain of causes shows it."""
    said = f"unknown command 'AUTH', with args beginning with: '{PASSWORD}'"
    with (
        pytest.raises(IntegrationError, match="unknown command 'AUTH'") as raised,
        translating("kept", lambda text: conceal(text, [PASSWORD])),
    ):
        raise redis.ResponseError(said)
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))


def test_a_cause_that_goes_in_a_circle() -> None:
    one, other = ValueError("a"), ValueError("b")
    one.__cause__, other.__cause__ = other, one
    assert cause(one, lambda text: conceal(text, ["none of it"])) is one
