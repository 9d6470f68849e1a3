"""A payout's ends: the bank accounts that money leaves from and goes to, checked by their form."""

import re


def read_iban(text: str) -> str | None:
    """Return an IBAN without spaces; None where its shape or check digits are wrong (ISO 13616)."""
    iban = text.replace(" ", "").upper()
    if not re.fullmatch("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return None
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return iban if int(digits) % 97 == 1 else None


def read_bic(text: str) -> str | None:
    """Return a BIC without spaces, or None where it is none (ISO 9362)."""
    bic = text.replace(" ", "").upper()
    return bic if re.fullmatch("[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", bic) else None
