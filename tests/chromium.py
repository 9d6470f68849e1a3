"""Debian's Chromium under Playwright, without a window and without what costs a test time."""

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
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it.

    For a module, not for a run: Playwright refuses to start a second time beside itself.
    """
    program = shutil.which("chromium")
    assert program, "chromium is not on this machine: run tests/setup.sh, or add the package"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()
