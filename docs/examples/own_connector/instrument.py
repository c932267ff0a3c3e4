"""A connector in one file: instruments that take commands as lines of text over TCP, as SCPI has it."""

import re
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,
    Connector,
    ConnectorConfig,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    Secret,
    reveal,
)


class InstrumentConfig(ConnectorConfig):
    """What an instrument needs beside what all connectors have."""

    access_code: Secret | None = None


class Instrument(Connector):
    """An instrument at ``scpi://host:port``."""

    Config = InstrumentConfig
    default_name = "instrument"
    _line: Any = None  # a socket's file

    def __init__(self, config: Any = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._turn = threading.Lock()

    def ask(self, question: str) -> str:
        """The answer to a question, which is asked again when the connection breaks."""
        self.open()
        return self.resilience.run(lambda: self._asked(question), name="ask", repeatable=True).value

    # --- One attempt: what the library raises becomes an error of connectors, with its cause

    def _asked(self, question: str) -> str:
        with self._turn:
            self._still_open()  # or another thread closed it meanwhile
            try:
                if self._line is None:
                    self._connect()
                return self._exchange(question)
            except IntegrationError:
                raise
            except TimeoutError as error:
                self._hang_up()
                raise IntegrationTimeout(
                    f"{self.name}: nothing came in time (setting 'timeouts')", service=self.name
                ) from error
            except OSError as error:
                self._hang_up()
                raise ConnectionError(
                    f"{self.name}: no connection: {self.conceal(error)}; is it switched on?",
                    service=self.name,
                ) from error

    def _connect(self) -> None:
        parts, times = urlsplit(self.config.url), self.config.timeouts
        with socket.create_connection((parts.hostname, parts.port), times.connect) as wire:
            wire.settimeout(times.read)
            self._line = wire.makefile("rwb", buffering=0)
        code = reveal(self.config.access_code)
        if code is not None and self._exchange(f"SYST:ACC {code}") != "OK":
            self._hang_up()
            raise AuthenticationError(
                f"{self.name}: it does not take the access code; look at 'access_code'", service=self.name
            )

    def _exchange(self, question: str) -> str:
        self._line.write(question.encode() + b"\n")
        answer = self._line.readline(65536)
        if not answer.endswith(b"\n"):
            raise OSError("it ended the connection")
        text = answer.decode("ascii", "replace").strip()
        if re.match(r"-\d+,", text):
            raise DataError(f"{self.name}: it says {self.conceal(text)}", service=self.name)
        return text

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    # --- What a connector writes: its check, and its end

    def _check(self) -> dict[str, str]:
        return {"identity": self._asked("*IDN?")}

    def _close(self) -> None:
        with self._turn:
            self._hang_up()
