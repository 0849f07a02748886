# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A headless Chromium, driven by chromedriver's own protocol (WebDriver: JSON over HTTP), without a library."""
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # what WebDriver calls the member that holds an element's id

# All that this browser sends goes to the page: no updates, no lists, no pictures of the day.
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
             "--no-default-browser-check", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-GB"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Browser:
    """`with Browser(size=(1440, 900)) as browser: browser.go(url)`"""

    def __init__(self, size=(1440, 900), is_dark=False, patience=1.0):
        self.size = size
        self.is_dark = is_dark
        self.patience = patience
        self.session = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="svctest-browser-")
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}", "--allowed-ips=127.0.0.1", f"--log-path={self.directory}/driver.log"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**os.environ, "TMPDIR": self.directory}, start_new_session=True)
        try:
            self.wait_for_driver()
            arguments = [*ARGUMENTS, f"--window-size={self.size[0]},{self.size[1]}", f"--user-data-dir={self.directory}/profile"]
            answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}})
            self.session = answer["sessionId"]
            self.show_as(self.is_dark)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        with contextlib.suppress(OSError, AssertionError, ValueError):
            if self.session:
                self.call("DELETE", f"/session/{self.session}")
        # The browser is in the driver's process group, whether it has heard of the end or not.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.driver.pid, signal.SIGKILL)
        self.driver.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_for_driver(self):
        deadline = time.monotonic() + 20 * self.patience
        while True:
            with contextlib.suppress(OSError):
                self.call("GET", "/status")
                return
            assert self.driver.poll() is None, "chromedriver has ended"
            assert time.monotonic() < deadline, "chromedriver does not answer"
            time.sleep(0.05)

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * self.patience)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers={"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        assert not (isinstance(answer, dict) and answer.get("error")), answer
        return answer

    def ask(self, method, command, body=None):
        return self.call(method, f"/session/{self.session}{command}", body)

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What a piece of JavaScript returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def send_command(self, command, **parameters):
        """One of the browser's own (its DevTools protocol)."""
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show_as(self, is_dark):
        self.send_command("Emulation.setEmulatedMedia",
                          features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def press(self, keys):
        element = self.ask("GET", "/element/active")[ELEMENT]
        self.ask("POST", f"/element/{element}/value", {"text": keys})

    def click(self, selector):
        element = self.ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        self.ask("POST", f"/element/{element}/click", {})

    def complaints(self):
        """What the browser's console has said since it was last asked: violated policies, errors."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"}) if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, path, width=None, height=None):
        if width:
            self.send_command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        image = self.ask("GET", "/screenshot")
        with open(path, "wb") as file:
            file.write(base64.b64decode(image))
