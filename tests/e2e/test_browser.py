"""The browser itself: it starts here, at both widths, and what it does wrong is noticed."""

import pytest
from playwright.sync_api import Page


@pytest.mark.parametrize(("fixture", "width"), [("page", 390), ("wide_page", 1280)])
def test_a_page_opens_at_its_width(
    request: pytest.FixtureRequest, fixture: str, width: int
) -> None:
    """Chromium runs pages at the widths that people use."""
    page: Page = request.getfixturevalue(fixture)
    page.set_content("<p>Bonjour</p>")
    assert page.evaluate("window.innerWidth") == width
    assert page.inner_text("p") == "Bonjour"
