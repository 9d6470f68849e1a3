"""SEPA files against their schema, on the disk whole or not at all; reports read strictly."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Thread

import pytest
import sepaxml
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.sepa_payouts import SepaFiles
from bot.adapters.sepa_reports import read_reports
from bot.domain.errors import Rejected
from bot.domain.payout import CreditTransfer, PayoutFile, bank_name, end_to_end_id
from tests.fakes.bank import DEBTOR, Movement, camt

IBAN = "FR1420041010050500013M02606"
MADE = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)


@cache
def schema() -> xmlschema.XMLSchema:
    """The official schema of pain.001.001.09, as the package sepaxml ships it."""
    return xmlschema.XMLSchema(Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd")


def a_file(*transfers: CreditTransfer) -> PayoutFile:
    """A file of some transfers."""
    return PayoutFile("SMONEY-20261125-0123456789AB", MADE, DEBTOR, transfers)


def test_a_file_is_what_its_schema_says(tmp_path: Path) -> None:
    """Valid under the schema, what is asked for stands in it, and it is the same each time."""
    file = a_file(
        CreditTransfer(end_to_end_id(1), 1, IBAN, "Zoe Lefevre"),
        CreditTransfer(end_to_end_id(2), 123_456, "DE89370400440532013000", "Max"),
    )
    text = SepaFiles(tmp_path).render(file)
    schema().validate(text)
    for said in (
        "<NbOfTxs>2</NbOfTxs>",
        "<CtrlSum>1234.57</CtrlSum>",
        "<MsgId>SMONEY-20261125-0123456789AB</MsgId>",
        "<Dt>2026-11-26</Dt>",
        '<InstdAmt Ccy="EUR">0.01</InstdAmt>',
    ):
        assert said in text, said
    assert SepaFiles(tmp_path).render(file) == text, "the same, to the byte"


@settings(max_examples=30)
@given(name=st.text(max_size=200), cents=st.integers(1, 10**11), number=st.integers(1, 10**17))
def test_whatever_a_holder_calls_themselves_the_file_is_valid(
    name: str, cents: int, number: int
) -> None:
    """A name that banks cannot read is turned into one that they can."""
    plain = bank_name(name)
    if plain:
        file = a_file(CreditTransfer(end_to_end_id(number), cents, IBAN, plain))
        schema().validate(SepaFiles(Path()).render(file))


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Nothing is left beside it, nobody else can read it, and writing it again changes nothing."""
    files = SepaFiles(tmp_path)
    for _ in range(2):
        path = Path(files.write("A.xml", "é\n"))
    assert path.read_bytes() == "é\n".encode()
    assert [one.name for one in tmp_path.iterdir()] == ["A.xml"]
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(FileNotFoundError):
        SepaFiles(tmp_path / "nowhere").write("A.xml", "")


def test_two_that_write_one_file_at_once_leave_it_whole(tmp_path: Path) -> None:
    """Whoever is last: the same name is the same text, and no part of it is ever to be seen."""
    text = "payout\n" * 20_000
    files = SepaFiles(tmp_path)
    threads = [Thread(target=files.write, args=("A.xml", text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if (tmp_path / "A.xml").exists():
            assert (tmp_path / "A.xml").read_text() == text
    for thread in threads:
        thread.join()
    assert [one.name for one in tmp_path.iterdir()] == ["A.xml"]


def test_a_writing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """No part stays behind where the name is taken by a folder."""
    (tmp_path / "A.xml").mkdir()
    with pytest.raises(OSError, match=r"A\.xml"):
        SepaFiles(tmp_path).write("A.xml", "text")
    assert [one.name for one in tmp_path.iterdir()] == ["A.xml"]


@pytest.mark.parametrize("kind", ["053", "054"])
@pytest.mark.parametrize("version", ["02", "04", "08"])
def test_a_report_is_read_in_the_versions_that_banks_send(kind: str, version: str) -> None:
    """What was booked, with its side and its reason; what is pending is not yet."""
    report = camt(
        [
            Movement("SMONEY-PAYOUT-1", 1050),
            Movement("SMONEY-PAYOUT-2", 7, credit=True, reason="AC04"),
            Movement("SMONEY-PAYOUT-3", 9, status="PDNG"),
        ],
        kind=kind,
        version=version,
        report_id="R",
    )
    (read,) = read_reports(report)
    assert (read.report_id, read.iban) == (f"camt.{kind}:R", DEBTOR.iban)
    assert [(one.end_to_end_id, one.amount_cents, one.is_credit) for one in read.lines] == [
        ("SMONEY-PAYOUT-1", 1050, False),
        ("SMONEY-PAYOUT-2", 7, True),
    ]
    assert read.lines[1].reason == "AC04"


RETURNS: dict[str, tuple[Movement, str]] = {
    "with a reason": (Movement("A", 1, reason="AC04"), "AC04"),
    "by its code": (Movement("A", 1, code="PMNT/RCDT/RRTN"), "returned"),
    "as of what we issued": (Movement("A", 1, code="PMNT/ICDT/RRTN"), "returned"),
    "by the entry's code": (Movement("A", 1, code="PMNT/RCDT/RRTN", code_at="entry"), "returned"),
    "after a recall": (Movement("A", 1, code="PMNT/ICDT/RPCR"), "returned"),
    "of an instant transfer": (Movement("A", 1, code="PMNT/RRCT/RRTN"), "returned"),
    "with both": (Movement("A", 1, reason="AC01", code="PMNT/RCDT/RRTN"), "AC01"),
    "an ordinary transfer": (Movement("A", 1, code="PMNT/RCDT/ESCT"), ""),
    "a direct debit that came back": (Movement("A", 1, code="PMNT/RDDT/RRTN"), ""),
    "a code of another domain": (Movement("A", 1, code="ACMT/RCDT/RRTN"), ""),
    "nothing said": (Movement("A", 1), ""),
}


@pytest.mark.parametrize("name", list(RETURNS))
@pytest.mark.parametrize("kind", ["053", "054"])
def test_a_return_is_what_the_bank_says_is_one(name: str, kind: str) -> None:
    """By `RtrInf`, or by its transaction code; the name that a sender chose says nothing."""
    movement, reason = RETURNS[name]
    (report,) = read_reports(camt([replace(movement, credit=True)], kind=kind))
    (line,) = report.lines
    assert (line.reason, line.is_return) == (reason, reason != "")


def test_what_a_stranger_sends_in_dollars_refuses_no_file() -> None:
    """It is left out, since it is never booked; a return in dollars is not understood."""
    ours = Movement("SMONEY-PAYOUT-1", 1050)
    strange = Movement("SMONEY-PAYOUT-1", 1050, credit=True, currency="USD")
    (report,) = read_reports(camt([strange, ours]))
    assert [(one.amount_cents, one.is_credit) for one in report.lines] == [(1050, False)]
    back = replace(strange, credit=False, reason="AC04")  # what the bank gave back to them
    (report,) = read_reports(camt([back, ours]))
    assert [(one.amount_cents, one.is_credit) for one in report.lines] == [(1050, False)]
    with pytest.raises(Rejected, match="bad_report"):
        read_reports(camt([replace(strange, reason="AC04"), ours]))


def test_a_return_whose_reason_has_no_code_is_one() -> None:
    """Some banks write words, or only that it was returned."""
    coded = camt([Movement("A", 1, credit=True, reason="AC04")])
    for said in (b"<RtrInf><Rsn><Prtry>closed</Prtry></Rsn></RtrInf>", b"<RtrInf/>"):
        content = coded.replace(b"<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", said)
        ((line,),) = (report.lines for report in read_reports(content))
        assert line.reason == "returned"


def test_a_details_own_code_is_before_its_entrys() -> None:
    """A batch of returns may hold an ordinary transfer."""
    content = camt([Movement("A", 1, credit=True, code="PMNT/RCDT/ESCT")])
    start, end = content.index(b"<BkTxCd>"), content.index(b"</BkTxCd>") + len(b"</BkTxCd>")
    batch = content[start:end].replace(b"ESCT", b"RRTN")
    content = content.replace(b"</Sts>", b"</Sts>" + batch, 1)
    ((line,),) = (report.lines for report in read_reports(content))
    assert not line.is_return


GOOD = camt([Movement("SMONEY-PAYOUT-1", 1050)], report_id="R")
BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&lol2;</Document>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&x;</Document>"""
NETWORK = b"""<!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd"><Document/>"""

BAD = {
    "cut in the middle": (GOOD[: len(GOOD) // 2], "is cut"),
    "cut by a byte": (GOOD.rstrip()[:-1], "is cut"),
    "empty": (b"", "is cut"),
    "no XML": (b"IBAN;amount\n", "no XML"),
    "a bomb": (BOMB, "document type or entities"),
    "an entity from a file": (OUTSIDE, "document type or entities"),
    "a document type from the network": (NETWORK, "document type or entities"),
    "another message": (GOOD.replace(b"camt.053.001.08", b"pain.002.001.10"), "neither a camt"),
    "no namespace": (b"<Document/>", "neither a camt"),
    "no report": (GOOD.replace(b"Stmt>", b"Smth>"), "holds no report"),
    "no id": (GOOD.replace(b"<Id>R</Id>", b""), "no Id"),
    "no account": (GOOD.replace(DEBTOR.iban.encode(), b"FR00"), "by its IBAN"),
    "no status": (GOOD.replace(b"<Sts><Cd>BOOK</Cd></Sts>", b""), "no status"),
    "no side": (GOOD.replace(b"DBIT", b"BOTH"), "neither a credit nor a debit"),
    "another currency": (GOOD.replace(b'"EUR"', b'"USD"'), "not in EUR"),
    "a part of a cent": (GOOD.replace(b"10.50", b"10.505"), "whole cents"),
    "a negative amount": (GOOD.replace(b"10.50", b"-10.50"), "whole cents"),
    "digits of another script": (
        GOOD.replace(b"10.50", "١٠.50".encode()),
        "whole cents",
    ),
    "unreadable characters": (GOOD.replace(b"UTF-8", b"UTF-99"), "."),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_report_is_refused_in_a_sentence(name: str) -> None:
    """It says what is wrong, and that nothing was booked."""
    content, sentence = BAD[name]
    with pytest.raises(Rejected) as refused:
        read_reports(content)
    assert sentence in refused.value.detail
    assert refused.value.detail.endswith("Nothing was booked.")


@given(st.binary(max_size=300))
def test_no_bytes_at_all_do_more_than_be_refused(content: bytes) -> None:
    """Whatever comes, it is a sentence."""
    with pytest.raises(Rejected):
        read_reports(content)


@given(st.integers(0, len(GOOD) - 3))
def test_a_report_cut_anywhere_is_refused(length: int) -> None:
    """A half file is never half read."""
    with pytest.raises(Rejected):
        read_reports(GOOD[:length])


# --- a statement's closing balance ---------------------------------------------------------------


def test_a_statement_says_its_closing_balance() -> None:
    """With its day, and below zero where it is overdrawn; a report without one says none."""
    (report,) = read_reports(camt([], closing=(123_456, "2026-11-25")))
    assert (report.closing_cents, str(report.closing_on)) == (123_456, "2026-11-25")
    (report,) = read_reports(camt([], closing=(-5, "2026-11-25")))
    assert report.closing_cents == -5
    (report,) = read_reports(camt([], kind="054"))
    assert (report.closing_cents, report.closing_on) == (None, None)


@pytest.mark.parametrize(
    ("good", "bad", "sentence"),
    [
        ("<Dt>2026-11-25</Dt>", "<Dt>soon</Dt>", "has no day"),
        ('Ccy="EUR"', 'Ccy="USD"', "is not in EUR"),
        ("12.34", "12.345", "is not in whole cents"),
        ("<CdtDbtInd>CRDT</CdtDbtInd>", "", "neither a credit nor a debit"),
        ("</Bal>", "</Bal><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp></Bal>", "not one"),
    ],
)
def test_a_balance_that_cannot_be_understood_refuses_the_file(
    good: str, bad: str, sentence: str
) -> None:
    """To the cent, in euros, with a side and a day."""
    content = camt([], closing=(1_234, "2026-11-25")).decode()
    assert good in content
    with pytest.raises(Rejected) as refused:
        read_reports(content.replace(good, bad).encode())
    assert sentence in refused.value.detail
