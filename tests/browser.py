"""A Chromium that is driven as a person does: real key events, through its debugging pipe."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CODES = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "/": 191, "?": 191}
TEXTS = {"Enter": "\r"}


class Browser:
    """One tab of a headless Chromium."""

    def __init__(self, width: int = 1300, height: int = 900, *, dark: bool = False) -> None:
        assert BROWSER, "no Chromium"
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        options += [f"--user-data-dir={self._profile.name}"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, BROWSER, *options],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._read, self._number, self._session = b"", 0, ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[colours])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._profile.cleanup()

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the DevTools protocol."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._read:
                more = os.read(self._in, 1 << 16)
                assert more, "Chromium has ended"
                self._read += more
            answer, _, self._read = self._read.partition(b"\0")
            told = json.loads(answer)
            if told.get("id") == self._number:
                assert "error" not in told, told
                return dict(told["result"])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's when it is fulfilled."""
        options = {"awaitPromise": True, "returnByValue": True}
        told = self.send("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> None:
        """Wait until an expression is true, for as long as a slow machine may take."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.02)

    def open(self, page: Path, hash_: str = "") -> None:
        """Open a file, and wait until it is read."""
        self.send("Page.navigate", url=f"file://{page}{hash_}")
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def press(self, key: str) -> None:
        """Press and release a key."""
        event = {"key": key, "code": key if len(key) > 1 else "", "windowsVirtualKeyCode": CODES.get(key, 0)}
        text = TEXTS.get(key, key if len(key) == 1 else "")
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.send("Input.dispatchKeyEvent", **event, **down)
        self.send("Input.dispatchKeyEvent", **event, type="keyUp")

    def screenshot(self, file: Path, *, whole: bool = True) -> None:
        """Save a picture of the window, or of the whole page, as PNG."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip} if whole else {}
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", **options)["data"]))
