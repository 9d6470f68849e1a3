"""How test control reads a name: as the contract writes it in words, or as JSON names are written.

time-out after success    timeout_after_success    Time-Out After Success
"""

from collections.abc import Collection


def find(written: object, known: Collection[str], *, prefix: str = "") -> str | None:
    """Return the known name that is meant, or None; `prefix` is a beginning that may be left out.

    Case, spaces, hyphens and underscores say nothing.
    """
    wanted = _squeezed(str(written))
    for name in known:
        if wanted in (_squeezed(name), _squeezed(name.removeprefix(prefix))):
            return name
    return None


def _squeezed(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
