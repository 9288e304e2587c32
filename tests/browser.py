"""A headless Chromium, spoken to over two pipes (--remote-debugging-pipe): what a test needs of it,
without a driver that would have to be installed."""

import fcntl
import json
import os
import select
import signal
import time

# What axe-core finds wrong in a page: its text has to have been evaluated there before.
AXE = """
axe.run().then((found) => JSON.stringify(
  found.violations.map((one) => [one.id, one.nodes.map((node) => node.html)])))
"""
# Seconds that a machine under load may take for one answer.
PATIENCE = 60


class Browser:
    """With it as a context: browser.open(path, ...) gives a page."""

    def __init__(self, program, profile):
        its_in, self.to = os.pipe()
        self.at, its_out = os.pipe()
        options = (
            "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
            "--disable-background-networking --remote-debugging-pipe"
        ).split()
        # It reads from descriptor 3 and writes to 4: ours are moved out of their way first.
        far = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for fd in (its_in, its_out)]
        self.process = os.posix_spawn(
            program,
            [program, *options, f"--user-data-dir={profile}"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, far[0], 3),
                (os.POSIX_SPAWN_DUP2, far[1], 4),
            ],
        )
        for fd in (its_in, its_out, *far):
            os.close(fd)
        self.left = b""
        self.count = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.to)
        os.close(self.at)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)

    def receive(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.at], [], [], until - time.monotonic())
            some = os.read(self.at, 1 << 20) if ready else b""
            assert some, "the browser does not answer"
            self.left += some
        message, _, self.left = self.left.partition(b"\0")
        return json.loads(message)

    def send(self, method, session=None, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path, *, width=1280, dark=False, scripts=True):
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.send("Emulation.setEmulatedMedia", features=[scheme])
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        page.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.events.clear()
        page.send("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())
        return page


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    def value(self, expression):
        """What an expression of JavaScript is, once it is settled."""
        done = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text
            )

    def complaints(self):
        """What the console was told, what was thrown."""
        told = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [event for event in self.browser.events if event["method"] in told]

    def requests(self):
        return [
            event["params"]["request"]["url"]
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
