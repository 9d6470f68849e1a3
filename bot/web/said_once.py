"""Why a form was refused, said once by the page that the form stands on.

Such a form is answered by that page's address, so that "back" and a reload meet pages and never a
form. What there is to say waits in a cookie for as long as a browser takes to follow: sealed, or
anybody could put words into our mouth, for the same session and the same page alone.
"""

import hmac
import json
from hashlib import sha256
from typing import Final

from cryptography.fernet import InvalidToken

from bot.web.kept_form import cipher

KEPT_S: Final = 60
"""How long it waits to be said (seconds)."""
_FOR: Final = "said-once"


def wrapped(secret_key: str, said: str, path: str, csrf: str) -> str:
    """Return what the cookie holds: a sentence, for a page of a session."""
    kept = {"said": said, "path": path, "session": _of(csrf)}
    return cipher(secret_key, _FOR).encrypt(json.dumps(kept).encode()).decode()


def unwrapped(secret_key: str, cookie: str, path: str, csrf: str) -> str | None:
    """Return what is to be said on this page of a session's; None where there is nothing."""
    try:
        kept = json.loads(cipher(secret_key, _FOR).decrypt(cookie.encode()))
    except (InvalidToken, ValueError):
        return None
    is_here = kept["path"] == path and hmac.compare_digest(kept["session"], _of(csrf))
    return str(kept["said"]) if is_here else None


def _of(csrf: str) -> str:
    """Return what tells a session from another: its token itself stays in its forms."""
    return sha256(csrf.encode()).hexdigest()
