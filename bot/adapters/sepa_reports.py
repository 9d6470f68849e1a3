"""Bank reports, camt.053 and camt.054: read strictly, or refused in a sentence.

A file comes from outside: no DTD, no entity and nothing from the network is ever followed. What
cannot be understood to the last cent refuses the whole file.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element, ParseError

import structlog
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bot.domain.errors import Rejected
from bot.domain.money import CURRENCY
from bot.domain.payout import BankLine, BankReport, read_iban

log = structlog.get_logger(__name__)

LARGEST_BYTES: Final = 50_000_000
"""A day of a large account is a tenth of it; what is larger is not read into memory."""
_NAMESPACE: Final = re.compile(
    r"\{(urn:iso:std:iso:20022:tech:xsd:camt\.(053|054)\.001\.[0-9]{2})\}Document"
)
_WHERE: Final = {
    "053": ("BkToCstmrStmt", "Stmt", "StmtPgntn"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn", "NtfctnPgntn"),
}
_TRANSFERS: Final = frozenset({"ICDT", "RCDT", "IRCT", "RRCT"})
"""Families of credit transfers in ISO 20022's bank transaction codes; the last two are instant."""
_RETURNS: Final = frozenset({"RRTN", "RPCR"})
"""What a bank books where a transfer comes back: it could not be paid, or was recalled."""
_UNSAID: Final = "returned"
"""The reason of a return for which the bank gives no code."""
_NOTHING: Final = "Nothing was booked."


def read_reports(content: bytes) -> tuple[BankReport, ...]:
    """Return the reports of a file. Raises `Rejected` with a sentence for an operator."""
    root = _parsed(content)
    found = _NAMESPACE.fullmatch(root.tag)
    if found is None:
        raise _no("The file is neither a camt.053 nor a camt.054 report.")
    space, kind = found[1], found[2]
    message, report, pages = _WHERE[kind]
    reports = _all(root, space, message, report)
    if not reports:
        raise _no("The file holds no report.")
    return tuple(_report(one, space, f"camt.{kind}", pages) for one in reports)


def _parsed(content: bytes) -> Element:
    if len(content) > LARGEST_BYTES:
        raise _no(f"The file is larger than {LARGEST_BYTES // 1_000_000} MB.")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise _no("The file declares a document type or entities, as no bank's report does.") from (
            None
        )
    except ParseError as error:
        line = error.position[0]
        raise _no(f"The file is cut, or is no XML: it cannot be read from line {line} on.") from (
            None
        )
    except (ValueError, LookupError):
        raise _no("The file's characters cannot be read: it should be UTF-8.") from None
    return root


def _report(report: Element, space: str, kind: str, pages: str) -> BankReport:
    name = _text(report, space, "Id")
    if name is None:
        raise _no("A report in the file has no Id.")
    page = _text(report, space, pages, "PgNb")
    iban = read_iban(_text(report, space, "Acct", "Id", "IBAN") or "")
    if iban is None:
        raise _no(f"Report {name} names no account by its IBAN.")
    lines = [
        line for entry in _all(report, space, "Ntry") for line in _lines(entry, space, f"{name}")
    ]
    report_id = f"{kind}:{name}" if page is None else f"{kind}:{name}:{page}"
    cents, on = _closing(report, space, name)
    return BankReport(report_id[:80], iban, tuple(lines), cents, on)


def _closing(report: Element, space: str, name: str) -> tuple[int | None, date | None]:
    """Return the booked closing balance and its day; only a statement's last page has one."""
    found = [
        one
        for one in _all(report, space, "Bal")
        if _text(one, space, "Tp", "CdOrPrtry", "Cd") == "CLBD"
    ]
    if not found:
        return None, None
    (one, *more) = found
    amounts = _all(one, space, "Amt")
    day = _text(one, space, "Dt", "Dt") or _text(one, space, "Dt", "DtTm") or ""
    if more or len(amounts) != 1:
        raise _no(f"Report {name} has not one closing balance.")
    try:
        on = date.fromisoformat(day[:10])
    except ValueError:
        raise _no(f"The closing balance of report {name} has no day.") from None
    sign = 1 if _is_credit(one, one, space, name) else -1
    return sign * _amount(amounts[0], name), on


def _lines(entry: Element, space: str, report: str) -> Iterator[BankLine]:
    """Yield the movements of an entry that name their transfer; what is not booked is not yet."""
    status = _text(entry, space, "Sts", "Cd") or _text(entry, space, "Sts")
    if status is None:
        raise _no(f"An entry of report {report} has no status.")
    if status != "BOOK":
        return
    details = _all(entry, space, "NtryDtls", "TxDtls")
    for detail in details:
        line = _line(detail, entry, space, only=len(details) == 1, report=report)
        if line is not None:
            yield line


def _line(
    detail: Element, entry: Element, space: str, *, only: bool, report: str
) -> BankLine | None:
    """Return a movement; None where it names no transfer, or can be none of ours.

    Anybody can send money in dollars, and the bank may give it back: a credit that is no return,
    and a debit that is one, are never booked, and their amounts refuse no file. They are logged,
    and in the closing balance as the bank counts it.
    """
    end_to_end_id = _text(detail, space, "Refs", "EndToEndId")
    if end_to_end_id is None:
        return None
    is_credit = _is_credit(detail, entry, space, report)
    reason = _reason(detail, entry, space)
    try:
        cents = _cents(detail, entry, space, only=only, report=report)
    except Rejected:
        if is_credit != bool(reason):
            log.warning("bank_movement_unread", report=report)
            return None
        raise
    return BankLine(end_to_end_id, cents, is_credit, reason)


def _reason(detail: Element, entry: Element, space: str) -> str:
    """Return why the bank gives a transfer back; empty where it does not say that it does.

    Only the bank writes these elements. The EndToEndId is the sender's, who may choose any.
    """
    code = _transaction_code(detail, space) or _transaction_code(entry, space)
    is_return = code is not None and code[0] in _TRANSFERS and code[1] in _RETURNS
    if is_return or _all(detail, space, "RtrInf"):
        return _text(detail, space, "RtrInf", "Rsn", "Cd") or _UNSAID
    return ""


def _transaction_code(parent: Element, space: str) -> tuple[str, str] | None:
    """Return the family and the sub-family of a payment's bank transaction code."""
    domain = ("BkTxCd", "Domn")
    if _text(parent, space, *domain, "Cd") != "PMNT":
        return None
    family = _text(parent, space, *domain, "Fmly", "Cd") or ""
    return family, _text(parent, space, *domain, "Fmly", "SubFmlyCd") or ""


def _is_credit(detail: Element, entry: Element, space: str, report: str) -> bool:
    said = _text(detail, space, "CdtDbtInd") or _text(entry, space, "CdtDbtInd")
    match said:
        case "CRDT":
            return True
        case "DBIT":
            return False
        case _:
            raise _no(f"An entry of report {report} is neither a credit nor a debit.")


def _cents(detail: Element, entry: Element, space: str, *, only: bool, report: str) -> int:
    amounts = _all(detail, space, "Amt") or _all(detail, space, "AmtDtls", "TxAmt", "Amt")
    if not amounts and only:
        amounts = _all(entry, space, "Amt")
    if len(amounts) != 1:
        raise _no(f"An entry of report {report} has no amount of its own.")
    return _amount(amounts[0], report)


def _amount(amount: Element, report: str) -> int:
    text = (amount.text or "").strip()
    if amount.get("Ccy") != CURRENCY:
        raise _no(f"An entry of report {report} is not in {CURRENCY}.")
    found = re.fullmatch(r"([0-9]{1,13})(?:\.([0-9]{1,2})0{0,3})?", text)
    if found is None:
        raise _no(f"An amount of report {report} is not in whole cents.")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def _all(parent: Element, space: str, *path: str) -> list[Element]:
    return parent.findall("/".join(f"{{{space}}}{name}" for name in path))


def _text(parent: Element, space: str, *path: str) -> str | None:
    found = _all(parent, space, *path)
    text = (found[0].text or "").strip() if found else ""
    return text or None


def _no(sentence: str) -> Rejected:
    return Rejected("bad_report", f"{sentence} {_NOTHING}")
