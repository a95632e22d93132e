"""A headless Chromium, driven over a pipe with its own protocol: no driver, no web socket, no port."""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""How the program is called on one system or another; CHROMIUM in the environment names any other."""

_SECONDS = 60.0
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


def find() -> str | None:
    """The program's path, or None where there is none."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser process with an empty profile of its own; a context manager."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._number = 0
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        theirs_in, self._write = os.pipe()
        self._read, theirs_out = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to run as root with it
        command = [program, *_FLAGS, *sandbox, f"--user-data-dir={self._profile.name}", "about:blank"]
        # The protocol is read from descriptor 3 and written to 4; a shell puts them there, in the child alone.
        placed = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", placed, "chromium", *command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The answer to a command of the protocol; raises RuntimeError when the browser refuses."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        found = self._until(lambda heard: heard.get("id") == number)
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error'].get('message')}")
        return dict(found["result"])

    def wait(self, session: str, method: str) -> dict[str, Any]:
        """The next event of that name, which may have come already."""
        for position, event in enumerate(self._events):
            if event.get("method") == method and event.get("sessionId") == session:
                return self._events.pop(position)
        return self._until(lambda heard: heard.get("method") == method and heard.get("sessionId") == session)

    def events(self, session: str) -> list[dict[str, Any]]:
        """Every event of a page so far that nobody waited for."""
        return [event for event in self._events if event.get("sessionId") == session]

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while True:
            heard = self._next(deadline)
            if wanted(heard):
                return heard
            if "method" in heard:
                self._events.append(heard)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._read, 1 << 16) if ready else b""
            if not chunk:
                state = "ended" if ready else f"said nothing for {_SECONDS:.0f} s"
                raise RuntimeError(f"Chromium {state}.")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


class Page:
    """A page opened from a file, at a width in CSS pixels and in one colour scheme; it records what it asks for."""

    def __init__(self, browser: Chromium, path: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
        self._browser = browser
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        self._target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            self._do(f"{domain}.enable")
        self.resize(width, height, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])
        self._do("Page.navigate", url=path.as_uri())
        browser.wait(self._session, "Page.loadEventFired")

    def _do(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        """The size of the window; a phone has twice the pixels."""
        scale = 2 if mobile else 1
        self._do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives, run from outside: the page itself may run nothing."""
        answer = self._do("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """Every address that was asked for, the page's own among them."""
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events(self._session)
            if event["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What the browser has to say about the page: blocked styles or scripts, errors, uncaught exceptions."""
        said = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Audits.issueAdded"}
        said.add("Page.javascriptDialogOpening")
        return [json.dumps(event) for event in self._browser.events(self._session) if event["method"] in said]

    def screenshot(self, *, whole: bool = True) -> bytes:
        """A PNG of the page, or of what the window shows of it."""
        if whole:
            size = self._do("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
            answer = self._do("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        else:
            answer = self._do("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    def printed(self) -> bytes:
        """The page as a PDF of A4 paper, as its print style has it."""
        answer = self._do("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        """Close the page, so that the next one starts with nothing."""
        self._browser.call("Target.closeTarget", targetId=self._target)
