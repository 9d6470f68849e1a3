"""What was typed into a form that names a bank account, where its session had ended by then.

An IBAN belongs in no address. It goes back to the browser that sent it, in a cookie that no script
reads, nor anybody without our key, for as long as a sign-in may take and nobody signs out or in as
another. It is filled in for the same person alone: another site's form could else put an account
of its own into ours.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Final

from cryptography.fernet import Fernet, InvalidToken
from fastapi import Form

KEPT_S: Final = 900
"""How long it is kept (seconds): as long as somebody may take at X."""
AT_MOST: Final = {"iban": 60, "holder": 140, "amount": 20, "everything": 3}
"""What is kept, and characters of each: as many as the forms take."""
Typed = Mapping[str, str]
_FOR: Final = "typed-form"


def mark(secret_key: str, person_id: int) -> str:
    """Return what a person's own forms bear, and nobody else can make."""
    text = f"form-of-person:{person_id}"
    return hmac.new(secret_key.encode(), text.encode(), sha256).hexdigest()


def read(
    iban: Annotated[str, Form()] = "",
    holder: Annotated[str, Form()] = "",
    amount: Annotated[str, Form()] = "",
    everything: Annotated[str, Form()] = "",
    mine: Annotated[str, Form(max_length=64)] = "",
) -> Typed:
    """Read what of a form is to be kept; nothing of one that names no account."""
    if not mine or not iban:
        return {}
    typed = {"iban": iban, "holder": holder, "amount": amount, "everything": everything}
    return {name: text[: AT_MOST[name]] for name, text in typed.items()} | {"mine": mine}


def wrapped(secret_key: str, typed: Typed, page: str) -> str:
    """Return what the cookie holds, enciphered: what was typed, and the page it was typed on."""
    kept = json.dumps({**typed, "page": page})
    return cipher(secret_key, _FOR).encrypt(kept.encode()).decode()


def unwrapped(secret_key: str, cookie: str, page: str, own_mark: str) -> Typed | None:
    """Return what a person had typed on this page; None for a cookie that says anything else."""
    kept = _opened(secret_key, cookie)
    is_here = kept is not None and kept["page"] == page
    if kept is None or not is_here or not _bears(kept, own_mark):
        return None
    return {name: kept[name] for name in AT_MOST}


def is_of(secret_key: str, cookie: str, own_mark: str) -> bool:
    """Whether a cookie holds what the person of this mark typed, on whatever page."""
    kept = _opened(secret_key, cookie)
    return kept is not None and _bears(kept, own_mark)


def _bears(kept: Typed, own_mark: str) -> bool:
    return own_mark != "" and hmac.compare_digest(kept["mine"].encode(), own_mark.encode())


def cipher(secret_key: str, purpose: str) -> Fernet:
    """Return what seals a cookie: a disk or a backup of a browser's shows no account number."""
    return Fernet(urlsafe_b64encode(sha256(f"{purpose}:{secret_key}".encode()).digest()))


def _opened(secret_key: str, cookie: str) -> Typed | None:
    try:
        kept = json.loads(cipher(secret_key, _FOR).decrypt(cookie.encode()))
        assert isinstance(kept, dict)
        typed = {name: str(kept[name])[:most] for name, most in AT_MOST.items()}
        return typed | {"mine": str(kept["mine"]), "page": str(kept["page"])}
    except (InvalidToken, ValueError, KeyError, AssertionError):
        return None
