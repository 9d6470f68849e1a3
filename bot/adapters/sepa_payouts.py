"""SEPA files: payouts out as pain.001.001.09, written whole or not at all; bank reports in.

The same payouts under the same message id are the same bytes. Accounts are named by IBAN alone, as
regulation (EU) 260/2012, art. 5 (7), has it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import Final
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from bot.adapters.sepa_reports import read_reports
from bot.domain.money import CURRENCY
from bot.domain.payout import BankReport, CreditTransfer, PayoutFile, bank_name

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
PARIS: Final = ZoneInfo("Europe/Paris")
"""Where the bank is: the calendar of the day on which it executes."""


class SepaFiles:
    """The folder in which an operator finds the files for the bank."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def render(self, file: PayoutFile) -> str:
        """Return a file's text."""
        root = ET.Element("Document", {"xmlns": NAMESPACE})
        initiation = _child(root, "CstmrCdtTrfInitn")
        _header(initiation, file)
        _payment(initiation, file)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'

    def write(self, name: str, content: str) -> str:
        """Write a file so that it is there whole or not at all; return where it is."""
        target = self._folder / name
        # A part of its own, that nobody else can read: two exports at once must not share one.
        handle, part = mkstemp(prefix=f".{name}.", dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(target)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return str(target)

    def read(self, content: bytes) -> tuple[BankReport, ...]:
        """Read a bank's reports. Raises `Rejected`."""
        return read_reports(content)


def _header(initiation: ET.Element, file: PayoutFile) -> None:
    header = _child(initiation, "GrpHdr")
    _child(header, "MsgId", file.message_id)
    _child(header, "CreDtTm", f"{file.made_at:%Y-%m-%dT%H:%M:%SZ}")
    _totals(header, file)
    _child(_child(header, "InitgPty"), "Nm", bank_name(file.debtor.name))


def _payment(initiation: ET.Element, file: PayoutFile) -> None:
    payment = _child(initiation, "PmtInf")
    _child(payment, "PmtInfId", file.message_id)
    _child(payment, "PmtMtd", "TRF")
    _child(payment, "BtchBookg", "false")
    _totals(payment, file)
    _child(_child(_child(payment, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    day = file.made_at.astimezone(PARIS)
    _child(_child(payment, "ReqdExctnDt"), "Dt", f"{day:%Y-%m-%d}")
    _child(_child(payment, "Dbtr"), "Nm", bank_name(file.debtor.name))
    _account(payment, "DbtrAcct", file.debtor.iban)
    bank = _child(_child(payment, "DbtrAgt"), "FinInstnId")
    _child(bank, "BICFI", file.debtor.bic)
    _child(payment, "ChrgBr", "SLEV")
    for transfer in file.transfers:
        _transfer(payment, transfer)


def _transfer(payment: ET.Element, transfer: CreditTransfer) -> None:
    part = _child(payment, "CdtTrfTxInf")
    _child(_child(part, "PmtId"), "EndToEndId", transfer.end_to_end_id)
    _amount(_child(part, "Amt"), transfer.amount_cents)
    _child(_child(part, "Cdtr"), "Nm", transfer.holder_name)
    _account(part, "CdtrAcct", transfer.iban)
    _child(_child(part, "RmtInf"), "Ustrd", transfer.end_to_end_id)


def _totals(parent: ET.Element, file: PayoutFile) -> None:
    _child(parent, "NbOfTxs", str(len(file.transfers)))
    _child(parent, "CtrlSum", _euros(file.total_cents))


def _account(parent: ET.Element, name: str, iban: str) -> None:
    _child(_child(_child(parent, name), "Id"), "IBAN", iban)


def _amount(parent: ET.Element, cents: int) -> None:
    _child(parent, "InstdAmt", _euros(cents), {"Ccy": CURRENCY})


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _child(
    parent: ET.Element, name: str, text: str | None = None, given: Mapping[str, str] | None = None
) -> ET.Element:
    child = ET.SubElement(parent, name, dict(given or {}))
    child.text = text
    return child
