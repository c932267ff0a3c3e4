"""A headless Chromium, driven through its DevTools protocol: what a page does, asks for and complains of.

    python -m tests.interop.chromium build/matrix/matrix.html docs/images/matrix.png

takes the picture of a page that stands in the documentation.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MIDDLE = """(() => {
    const element = document.querySelector(%s);
    element.scrollIntoView({block: "center", behavior: "instant"});
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
})()"""
"""Brings an element into view; where its middle is."""


def find() -> str | None:
    """Return the program, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One tab.

    Attributes:
        requests: the address of everything that was asked for.
        complaints: what came to the console as a warning or an error, and every exception that nobody caught.
    """

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = False
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give one command and return its answer; what happens meanwhile is noted."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, "sessionId": self._session}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=30))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        method, about = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(
                about["exceptionDetails"].get("exception", {}).get("description", "exception")
            )
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(one.get("value", one)) for one in about["args"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(about["entry"]["text"])

    def open(self, address: str) -> None:
        """Load a page and wait until it is loaded."""
        self._loaded = False
        self.send("Page.navigate", url=address)
        while not self._loaded:
            self._note(json.loads(self._socket.recv(timeout=30)))

    def do(self, script: str) -> Any:
        """Return what an expression of JavaScript gives; a promise is waited for."""
        done = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def key(self, name: str, **more: Any) -> None:
        """Press and release a key, as a person would."""
        text = {"Enter": "\r", " ": " "}.get(name)
        code = {
            "Enter": 13,
            "Escape": 27,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "Tab": 9,
        }
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                windowsVirtualKeyCode=code.get(name, 0),
                **extra,
                **more,
            )

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that fits, by a real mouse event."""
        x, y = self.do(MIDDLE % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def look(self, width: int, height: int, *, dark: bool = False, media: str = "") -> None:
        """Set the size of the window, and the scheme of colours."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen as PNG."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def opened() -> Iterator[Page]:
    """A tab of a Chromium of its own, which ends with it."""
    program = find()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="arcuate-chromium-", ignore_cleanup_errors=True) as home:
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [
            "--remote-debugging-port=0",
            f"--user-data-dir={home}",
            "--no-first-run",
            "--hide-scrollbars",
        ]
        command += [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "about:blank",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith("DevTools listening on "):
                    break
            else:
                raise AssertionError(f"Chromium did not start:\n{''.join(said)}")
            address = said[-1].removeprefix("DevTools listening on ").strip()
            with connect(address, max_size=None, compression=None, proxy=None) as socket:
                yield Page(socket, _attach(socket))
                socket.send(json.dumps({"id": 0, "method": "Browser.close"}))
                process.wait(20)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stderr.close()


def _attach(socket: ClientConnection) -> str:
    """Attach to the one tab that is open; return the id of the session."""

    def ask(method: str, **parameters: Any) -> dict[str, Any]:
        socket.send(json.dumps({"id": 1, "method": method, "params": parameters}))
        while True:
            answer = json.loads(socket.recv(timeout=30))
            if answer.get("id") == 1:
                return answer["result"]

    (tab,) = [one for one in ask("Target.getTargets")["targetInfos"] if one["type"] == "page"]
    return ask("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]


def main(page: str, picture: str) -> None:
    """Take a picture in few colours, so that it is small."""
    from PIL import Image

    with opened() as tab:
        tab.look(1280, 900)
        tab.open(Path(page).absolute().as_uri())
        tab.picture(Path(picture))
    Image.open(picture).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
