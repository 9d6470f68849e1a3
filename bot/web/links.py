"""Links to pay pages: their address, and the same as a picture that a phone's camera reads."""

from functools import lru_cache
from urllib.parse import urlencode

import segno

_DARK, _LIGHT = "#14201c", "#ffffff"
"""Not of the page's own colours: cameras want dark on light, at night too."""


def pay_path(handle: str, amount: str, note: str) -> str:
    """Return the path of a pay page, with what is known filled in.

    >>> pay_path("alice", "10,50", "pizza & co")
    '/@alice?amount=10%2C50&note=pizza+%26+co'
    """
    known = {"amount": amount, "note": note}
    query = urlencode({name: value for name, value in known.items() if value})
    return f"/@{handle}{'?' if query else ''}{query}"


@lru_cache(maxsize=256)
def picture(url: str, label: str) -> str:
    """Return the QR code of an address, as an element of a page; `label` says what it is."""
    code = segno.make_qr(url, error="m")
    drawn = code.svg_inline(
        omitsize=True, dark=_DARK, light=_LIGHT, svgclass="qr", lineclass=None, title=label
    )
    return drawn.replace("<svg ", '<svg role="img" ', 1)  # so that its title is read
