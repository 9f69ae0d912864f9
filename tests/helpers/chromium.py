"""A real browser without a window, and what a reader does and sees in it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "window-size=1300,1000",
)
DARK, LIGHT = ({"features": [{"name": "prefers-color-scheme", "value": name}]} for name in ("dark", "light"))
PRINT = {"media": "print"}
PAPER = 703  # pixels between the margins of A4
# What is drawn past the right edge, or cut off by a box that a reader of paper cannot scroll.
CUT = """
const width = arguments[0], found = [];
for (const element of document.body.querySelectorAll("*")) {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  if (!box.width || !box.height || style.visibility === "hidden" || element.closest(".unseen, .skip")) continue;
  const name = `${element.tagName}.${element.getAttribute("class")} ${element.textContent.slice(0, 40)}`;
  if (box.right > width + 1) found.push(`${name}: ends at ${box.right}`);
  if (!element.closest("svg") && style.overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1)
    found.push(`${name}: cut at ${element.clientWidth} of ${element.scrollWidth}`);
}
return found;
"""


def missing() -> str:
    """What is not installed here of what a test in a browser needs, "" where nothing is."""
    if not (_program() and shutil.which("chromedriver")):
        return "no chromium and chromedriver here: apt-get install chromium chromium-driver"
    try:
        import selenium.webdriver  # noqa: F401
    except ImportError:
        return "selenium is not installed: pip install -e '.[dev]'"
    return ""


def _program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def started(profile: Path) -> Iterator[Any]:
    """Chromium under a WebDriver, with its console and its requests kept as logs."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(_program())
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def seen_as(
    driver: Any, width: int = 0, media: dict[str, Any] | None = None, *, scripts: bool = True
) -> Iterator[None]:
    """The browser with a telephone's width, another colour scheme or medium, or scripts off; then as it was."""
    if width:
        size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media or {})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


class Opened:
    """A page in the browser, and what a reader does with it."""

    def __init__(self, driver, path: Path, hash_: str = ""):
        self.driver, self.path = driver, path
        for kind in ("browser", "performance"):
            driver.get_log(kind)
        driver.get("about:blank")
        began = time.perf_counter()
        driver.get(path.as_uri() + hash_)
        self.wait("document.getElementById('browser')?.dataset.ready")
        self.seconds = time.perf_counter() - began

    def run(self, script: str, *values):
        return self.driver.execute_script(script, *values)

    def wait(self, condition: str) -> None:
        until = time.monotonic() + 20
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < until, f"{condition}: {self.text('off')}"
            time.sleep(0.01)

    def text(self, name: str) -> str:
        return self.run("return document.getElementById(arguments[0]).textContent", f"browser-{name}")

    def filter(self, name: str, value: str) -> float:
        """Sets a filter by its option's text, or the search; returns milliseconds until the page is drawn again."""
        return self.driver.execute_async_script(
            """const field = document.getElementById("browser-" + arguments[0]);
            const options = [...(field.options ?? [])];
            field.value = options.length ? options.find((o) => o.text === arguments[1]).value : arguments[1];
            const began = performance.now();
            field.dispatchEvent(new Event("input", { bubbles: true }));
            requestAnimationFrame(() => setTimeout(() => arguments[2](performance.now() - began)));""",
            name,
            value,
        )

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def quiet(self) -> None:
        """Nothing on the console, and nothing asked of any network."""
        assert self.driver.get_log("browser") == []
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        urls = [e["request"]["url"].partition("#")[0] for e in sent if e["documentURL"].startswith("file:")]
        assert set(urls) == {self.path.as_uri()}
