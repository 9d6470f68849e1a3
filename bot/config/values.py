"""How each kind of value is read: types that check and tidy the text of a setting.

A value that cannot be read raises `ValueError` with the end of a sentence that begins with the
variable's name; it never repeats the value.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url

from bot.config.levels import read_levels
from bot.domain.payout import read_bic, read_iban


def _address(value: str) -> str:
    """Check an http address; return it without slashes at its end."""
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").encode("idna")  # as whoever calls it will
        _ = parts.port  # which is read when it is asked for
    except ValueError:
        host = b""
    if not host or parts.scheme not in {"http", "https"} or parts.query:
        raise ValueError("must be an address such as https://example.org")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Check an address that has no path: links are made by adding one."""
    value = _address(value)
    if urlsplit(value).path:
        raise ValueError("must be an address without a path, such as https://example.org")
    return value


def _contact(value: str) -> str:
    """Check where people write to: an e-mail address, or a page's."""
    value = value.strip()
    if re.fullmatch(r"[^@\s:/?&]+@[^@\s:/?&]+\.[^@\s:/?&]+", value):
        return value
    parts = urlsplit(value)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return value
    raise ValueError("must be an e-mail address or a web address")


def _database(value: str) -> str:
    """Check the database's address; give PostgreSQL's usual spellings our driver."""
    value = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", value)
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    try:
        url = make_url(value)
    except ValueError:
        url = None
    if url is None or "@" in (url.host or ""):  # then a part of the password stands in the host
        raise ValueError(
            "cannot be read: its port is a number, and a password has %40 for @, %3A for :, "
            "%2F for /"
        )
    if url.get_backend_name() == "sqlite" and re.match("$|:|file:", url.database or ""):
        raise ValueError("must name a file, such as sqlite:///smoney.db")
    return value


def _words(value: object) -> object:
    """Read a list that is separated by commas."""
    if not isinstance(value, str):
        return value
    return [word.strip() for word in value.split(",") if word.strip()]


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _proxies(value: tuple[str, ...]) -> tuple[str, ...]:
    for proxy in value:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            raise ValueError(
                "must list IP addresses or networks, separated by commas, such as 10.0.0.0/8"
            ) from None
    return value


def _countries(value: frozenset[str]) -> frozenset[str]:
    upper = frozenset(country.upper() for country in value)
    if not upper or not all(re.fullmatch("[A-Z]{2}", country) for country in upper):
        raise ValueError("must list countries of two letters, separated by commas, such as FR,BE")
    return upper


def _prefixes(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"\+[1-9][0-9]{0,9}", prefix) for prefix in value):
        raise ValueError("must list beginnings of phone numbers, separated by commas, such as +324")
    return value


def _levels(value: str) -> str:
    read_levels(value)
    return value


def _iban(value: str) -> str:
    iban = read_iban(value)
    if iban is None:
        raise ValueError("must be an IBAN with right check digits")
    if not _is_in_sepa(iban):
        raise ValueError("must be an IBAN of a country in SEPA")
    return iban


def _is_in_sepa(iban: str) -> bool:
    from schwifty import IBAN  # its tables of banks take time to load: only where there is an IBAN

    return IBAN(iban, allow_invalid=True).in_sepa_zone


def _bic(value: str) -> str:
    if bic := read_bic(value):
        return bic
    raise ValueError("must be a BIC of 8 or 11 characters")


def _credential(value: str) -> str:
    """Check what goes into the head of a request: nothing else does, least of all an ellipsis."""
    if not re.fullmatch("[!-~]([ -~]*[!-~])?", value):
        raise ValueError("must be plain ASCII, without a space at its ends: copy it anew, whole")
    return value


def _secret_credential(value: SecretStr) -> SecretStr:
    if secret := value.get_secret_value():
        _credential(secret)
    return value


def _if_there(check: Callable[[str], str]) -> AfterValidator:
    """Check a text unless it is empty, which is how a setting is absent."""
    return AfterValidator(lambda value: check(value) if value else value)


Address = Annotated[str, _if_there(_address)]
Proxies = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_proxies)]
Countries = Annotated[frozenset[str], NoDecode, BeforeValidator(_words), AfterValidator(_countries)]
Prefixes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words), AfterValidator(_prefixes)]
LevelsFile = Annotated[str, AfterValidator(_levels)]
Database = Annotated[str, AfterValidator(_database), Field(repr=False)]
"""Not shown: it may hold a password."""
Count = Annotated[int, Field(ge=1)]
Cents = Annotated[int, Field(ge=0)]
Origin = Annotated[str, _if_there(_origin)]
Contact = Annotated[str, _if_there(_contact)]
Credential = Annotated[str, _if_there(_credential)]
SecretCredential = Annotated[SecretStr, AfterValidator(_secret_credential)]
Iban = Annotated[str, _if_there(_iban)]
Bic = Annotated[str, _if_there(_bic)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Hours = Annotated[int, Field(ge=0)]
Budget = Annotated[Decimal, Field(gt=0)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
