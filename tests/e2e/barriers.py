"""What keeps somebody out of a page, by axe-core's rules."""

from functools import cache
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import HEIGHT, PHONE_WIDTH

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""The tags of axe-core's rules that count."""
COLOUR_RULES = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""Those that may be kept in one colour scheme and not in the other."""


BARE = """() => {
    const copy = document.documentElement.cloneNode(true);
    copy.querySelectorAll("script").forEach(one => one.remove());
    return "<!doctype html>" + copy.outerHTML;
}"""
"""A page as it is now, without what would run in a copy of it."""
AXE = """async rules => {
    const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
    return [found.passes.length, found.violations.map(one => `${one.id}: ${one.help} (${
        one.nodes.map(node => node.target).join(", ")})`)];
}"""
"""How many rules a page keeps, and which it breaks where."""


@cache
def looker(browser: Browser, origin: str) -> Page:
    """Return a page that axe-core is in and stays in: it takes four times as long in a new one.

    What is looked at is copied into it; `/privacy` gives it the address that styles come from.
    """
    page = browser.new_context(reduced_motion="reduce", bypass_csp=True).new_page()
    page.goto(f"{origin}/privacy")
    page.evaluate(AXE_SCRIPT)
    return page


def barriers(page: Page, *colours: Literal["dark", "light"]) -> list[str]:
    """Return what axe-core finds on a page against WCAG 2.2 A and AA, and where.

    In all of these colours, as they are on the page otherwise: all rules in the first.
    """
    assert page.context.browser is not None
    copy = looker(page.context.browser, "{0.scheme}://{0.netloc}".format(urlsplit(page.url)))
    copy.set_viewport_size(page.viewport_size or {"width": PHONE_WIDTH, "height": HEIGHT})
    page.wait_for_load_state()
    copy.set_content(page.evaluate(BARE))
    first, *others = colours or ("light",)
    copy.emulate_media(color_scheme=first)
    found: list[str]
    kept, found = copy.evaluate(AXE, RULES)
    assert kept, "it looked at something"
    for colour in others:
        copy.emulate_media(color_scheme=colour)
        found += copy.evaluate(AXE, COLOUR_RULES)[1]
    return found
