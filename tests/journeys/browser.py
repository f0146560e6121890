"""A browser that tests can drive: Debian's chromium without a window, by its DevTools protocol."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page; ``with Browser(folder) as page``."""

    def __init__(self, folder: Path, width: int = 1500, height: int = 1000) -> None:
        self.folder, self.size = folder, (width, height)
        self._number = 0

    def __enter__(self):
        from websockets.sync.client import connect

        profile = self.folder / "profile"
        words = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port(profile / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            page = next(one for one in json.load(answer) if one["type"] == "page")
        self._socket = connect(page["webSocketDebuggerUrl"], max_size=2**27)
        self._call("Page.enable")
        self._call("Runtime.enable")
        self.resize(*self.size)
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)

    def resize(self, width, height):
        """The size of the window in pixels."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, url):
        """Go to an address; what it shows comes later."""
        self._call("Page.navigate", url=url)

    def script(self, text):
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=text, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self):
        """All that can be read on the page."""
        return self.script("document.body ? document.body.innerText : ''")

    def wait(self, condition, seconds=60.0):
        """Wait until a JavaScript expression is true; returns the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            if self.script(f"Boolean({condition})"):
                return time.monotonic() - begun
            time.sleep(0.05 if time.monotonic() - begun < 3 else 0.5)
        message = f"{condition} did not come true in {seconds} s; the page says:\n{self.text()[:2000]}"
        raise AssertionError(message)

    def wait_text(self, text, seconds=60.0):
        """Wait until the page says something."""
        return self.wait(f"document.body && document.body.innerText.includes({json.dumps(text)})", seconds)

    def settle(self, seconds=90.0):
        """Wait until the server has nothing more to say and all charts are drawn."""
        busy = 'document.querySelector(\'[data-testid="stStatusWidget"], [data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"], [data-test-script-state="running"]\')'
        quiet_since = None
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            now = time.monotonic()
            if self.script(f"Boolean({busy})"):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = now
            elif now - quiet_since > 0.8:
                return
            time.sleep(0.2)
        message = f"the page is still busy after {seconds} s"
        raise AssertionError(message)

    def click(self, text, inside="button, label, [role=tab], [role=radio], summary, a"):
        """Click on what bears a text, once it stands still: a page that is still being laid out moves under the mouse."""
        place = f"""(() => {{ const all = [...document.querySelectorAll({json.dumps(inside)})];
            const one = all.find(e => e.innerText && e.innerText.trim().split('\\n').some(l => l.trim() === {json.dumps(text)})) || all.find(e => e.innerText && e.innerText.includes({json.dumps(text)}));
            if (!one) return null; one.scrollIntoView({{block: 'center'}}); const r = one.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2]; }})()"""
        before, found = None, self.script(place)
        for _ in range(100):
            if found and found == before:
                break
            time.sleep(0.05)
            before, found = found, self.script(place)
        assert found, f"nothing to click says {text!r}; the page says:\n{self.text()[:2000]}"
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button="left", clickCount=1)

    def write(self, label, text):
        """Write into the input of a label, in place of what stands there, and leave it with Enter; again where a page laid out anew has lost it."""
        box = f"document.querySelector('input[aria-label=' + JSON.stringify({json.dumps(label)}) + ']')"
        for _ in range(20):
            self.wait(box)
            self.script(f"(() => {{ const one = {box}; one.focus(); one.select(); }})()")
            self._call("Input.insertText", text=text)
            time.sleep(0.1)
            if self.script(f"document.activeElement === {box} && {box}.value === {json.dumps(text)}"):
                break
        self.press("Enter")

    def press(self, key):
        """Press a key."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39}
        for kind in ("rawKeyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                text="\r" if key == "Enter" else "",
            )

    def picture(self, file: Path, whole=True):
        """A picture of the page; whole for all of it, however long."""
        width, height = self.size
        if whole:
            tall = self.script(
                "Math.max(...[...document.querySelectorAll('[data-testid=\"stMain\"]')].map(e => e.scrollHeight), 600)"
            )
            self.resize(width, min(int(tall) + 40, 6000))
            time.sleep(0.7)
        data = self._call("Page.captureScreenshot", format="png")["data"]
        self.resize(width, height)
        file.write_bytes(base64.b64decode(data))
        return file

    def _port(self, file):
        for _ in range(400):
            if file.is_file() and file.read_text().strip():
                return int(file.read_text().split()[0])
            time.sleep(0.05)
        raise AssertionError("chromium did not start")

    def _call(self, method, **parameters):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
