"""`smoney payout`: files out, reports in, exit codes and sentences; the books exported."""

import json
from pathlib import Path

import pytest

from bot.services.check import prove
from bot.store.engine import Store
from tests import builders
from tests.doors.far_side import door
from tests.fakes.bank import DEBTOR, Movement, camt


@pytest.fixture
def settings(sqlite_url: str) -> dict[str, str]:
    """What the doors of payouts need."""
    return {
        "ENVIRONMENT": "sandbox",
        "DATABASE_URL": sqlite_url,
        "SEPA_DEBTOR_NAME": DEBTOR.name,
        "SEPA_DEBTOR_IBAN": DEBTOR.iban,
        "SEPA_DEBTOR_BIC": DEBTOR.bic,
    }


@pytest.fixture
def payout_id(settings: dict[str, str]) -> int:
    """A payout of bob's that waits."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        bob = builders.person(session, "bob", cents=5_000)
        made = builders.pay_out(session, bob, "bob", 1_234)
    store.close()
    return made


def test_a_payout_goes_out_and_is_settled(
    settings: dict[str, str], payout_id: int, tmp_path: Path
) -> None:
    """Export, import, import again, and a stranger's cent: exit 0 each, and the books balance."""
    ended = door("payout", "export", "--to", str(tmp_path), "--json", settings=settings)
    assert ended.returncode == 0, ended.stderr
    (written,) = map(json.loads, ended.stdout.splitlines())
    content = Path(written["path"]).read_bytes()
    assert written["total_cents"] == 1_234
    assert f"SMONEY-PAYOUT-{payout_id}".encode() in content
    ended = door("payout", "export", "--to", str(tmp_path), settings=settings)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "No payout waits.\n")
    again = door(
        "payout",
        "export",
        "--to",
        str(tmp_path),
        "--again",
        written["message_id"],
        settings=settings,
    )
    assert again.returncode == 0, again.stderr
    assert Path(written["path"]).read_bytes() == content
    report = tmp_path / "report.xml"
    report.write_bytes(camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 1_234)]))
    for said in (
        "Reports: 1, read before: 0. Payouts settled: 1, returned: 0.",
        "Reports: 1, read before: 1. Payouts settled: 0, returned: 0.",
    ):
        ended = door("payout", "import", str(report), settings=settings)
        assert (ended.returncode, ended.stdout.strip()) == (0, said), ended.stderr
    report.write_bytes(camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 1, credit=True)]))
    ended = door("payout", "import", str(report), settings=settings)
    assert ended.returncode == 0, ended.stderr
    assert f"Not booked: SMONEY-PAYOUT-{payout_id}, 0.01 €, in camt.053:" in ended.stdout
    store = Store(settings["DATABASE_URL"])
    assert prove(store).problems == []
    store.close()


def test_a_no_is_one_sentence(settings: dict[str, str], payout_id: int, tmp_path: Path) -> None:
    """A bomb, a cut file, another account, an unknown message id: exit 1, one line."""
    good = camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 1_234)])
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>'
    report = tmp_path / "report.xml"
    for content in (
        bomb,
        good[:-40],
        good.replace(DEBTOR.iban.encode(), b"DE89370400440532013000"),
    ):
        report.write_bytes(content)
        ended = door("payout", "import", str(report), settings=settings)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert len(ended.stderr.splitlines()) == 1
        assert "Nothing was booked." in ended.stderr
    ended = door("payout", "export", "--again", "SMONEY-NONE", settings=settings)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)


def test_the_account_that_payouts_leave_from_is_asked_for(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """Without the SEPA_DEBTOR settings no door opens; a file that is not there is wrong use."""
    without = {name: one for name, one in settings.items() if not name.startswith("SEPA")}
    ended = door("payout", "export", settings=without)
    assert ended.returncode == 2
    assert "SEPA_DEBTOR_IBAN" in ended.stderr
    ended = door("payout", "import", str(tmp_path / "none.xml"), settings=settings)
    assert ended.returncode == 2


def test_the_books_are_exported_line_by_line(settings: dict[str, str], payout_id: int) -> None:
    """As values and as beancount, whole or since a day."""
    ended = door("ledger", "export", settings=settings)
    assert ended.stdout.splitlines()[0] == "entry,key,written_at,account,amount_cents"
    assert ended.stdout.splitlines()[-1].endswith(",payouts,1234")
    ended = door("ledger", "export", "--format", "beancount", settings=settings)
    assert "balance Liabilities:Payouts -12.34 EUR" in ended.stdout
    ended = door("ledger", "export", "--since", "2030-01-01", settings=settings)
    assert len(ended.stdout.splitlines()) == 1
    assert door("ledger", "export", "--since", "soon", settings=settings).returncode == 2
    assert payout_id == 1
