"""Debian's Chromium under Playwright, without a window and without what costs a test time.

Where it is there, the headless shell: the same engine without what draws windows around it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

FLAGS: Final = (
    *("--no-sandbox", "--no-first-run", "--mute-audio", "--disable-extensions", "--disable-sync"),
    *("--disable-gpu", "--disable-software-rasterizer", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update"),
    # All pages are ours: one process for them does.
    *("--renderer-process-limit=1", "--disable-site-isolation-trials"),
    "--disable-features=site-per-process,IsolateOrigins,Translate,MediaRouter,OptimizationHints",
    # What draws and what loads is in the browser's own process.
    *("--in-process-gpu", "--enable-features=NetworkServiceInProcess2"),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it.

    For a module, not for a run: Playwright refuses to start a second time beside itself.
    """
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert program, "Chromium is not on this machine: run tests/setup.sh, or add its package"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()
