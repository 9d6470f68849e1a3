"""A bank on the far side: it takes files of payouts and tells what became of them.

Its reports are text, as a bank's are, and are read by the true adapter: a fake reader would prove
nothing of what a file can hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from xml.etree import ElementTree as ET

from bot.adapters.sepa_payouts import SepaFiles
from bot.adapters.sepa_reports import read_reports
from bot.domain.payout import BankReport, Debtor, PayoutFile

DEBTOR = Debtor("S-money SA", "FR7630006000011234567890189", "AGRIFRPP")
_SPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


@dataclass(frozen=True, slots=True)
class Movement:
    """What a report says of one transfer."""

    end_to_end_id: str
    cents: int
    credit: bool = False
    status: str = "BOOK"
    currency: str = "EUR"
    reason: str = ""
    """Why the bank gives it back (`RtrInf`)."""
    code: str = ""
    """The bank transaction code, as in `PMNT/RCDT/RRTN`."""
    code_at: str = "detail"
    """Where the bank writes it: at the `entry` or at its `detail`."""


@dataclass(slots=True)
class FakeBankFiles:
    """Files in memory, and reports from them; `disk_full` lets a writing fail."""

    files: dict[str, str] = field(default_factory=dict)
    disk_full: bool = False

    def render(self, file: PayoutFile) -> str:
        """Return the text that the true adapter makes: it is what is kept."""
        return SepaFiles(Path()).render(file)

    def write(self, name: str, content: str) -> str:
        """Keep a file; the same name is the same file."""
        if self.disk_full:
            raise OSError(28, "No space left on device")
        assert self.files.get(name, content) == content, "the same name with another content"
        self.files[name] = content
        return name

    def read(self, content: bytes) -> tuple[BankReport, ...]:
        """Read as the true adapter does."""
        return read_reports(content)

    def transfers(self) -> list[Movement]:
        """Return every transfer that the bank was told to make."""
        return [
            Movement(
                part.findtext(f"{_SPACE}PmtId/{_SPACE}EndToEndId") or "",
                int((part.findtext(f"{_SPACE}Amt/{_SPACE}InstdAmt") or "").replace(".", "")),
            )
            for content in self.files.values()
            for part in ET.fromstring(content).iter(f"{_SPACE}CdtTrfTxInf")
        ]


_numbers = count(1)


def camt(
    movements: Sequence[Movement],
    *,
    iban: str = DEBTOR.iban,
    report_id: str | None = None,
    kind: str = "053",
    version: str = "08",
    closing: tuple[int, str] | None = None,
) -> bytes:
    """Write a bank's report of some movements, as banks shape them."""
    message, report = {
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[kind]
    entries = "".join(_entry(one, version) for one in movements)
    balance = "" if closing is None else _balance(*closing)
    name = report_id or f"STATEMENT-{next(_numbers)}"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}">
<{message}><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-25T06:00:00</CreDtTm></GrpHdr>
<{report}><Id>{name}</Id><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>
{balance}{entries}</{report}></{message}></Document>
""".encode()


def _entry(one: Movement, version: str) -> str:
    status = one.status if version == "02" else f"<Cd>{one.status}</Cd>"
    euros = f"{one.cents // 100}.{one.cents % 100:02}"
    amount = f'<Amt Ccy="{one.currency}">{euros}</Amt>'
    detail = amount if version != "02" else f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
    returned = f"<RtrInf><Rsn><Cd>{one.reason}</Cd></Rsn></RtrInf>" if one.reason else ""
    side = "CRDT" if one.credit else "DBIT"
    code = {one.code_at: _code(one.code)} if one.code else {}
    return f"""<Ntry>{amount}<CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>{code.get("entry", "")}
<NtryDtls><TxDtls><Refs><EndToEndId>{one.end_to_end_id}</EndToEndId></Refs>
{detail}<CdtDbtInd>{side}</CdtDbtInd>{code.get("detail", "")}{returned}</TxDtls></NtryDtls></Ntry>
"""


def _code(code: str) -> str:
    domain, family, sub_family = code.split("/")
    return (
        f"<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd>"
        f"<SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    )


def _balance(cents: int, on: str) -> str:
    side = "DBIT" if cents < 0 else "CRDT"
    euros = f"{abs(cents) // 100}.{abs(cents) % 100:02}"
    return f"""<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{euros}</Amt>
<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>
"""
