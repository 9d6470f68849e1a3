"""`smoney payout`: files for the bank, what it reports of them, and late money's way out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.common import NUMBER, No, books, euros, put, settings_for

if TYPE_CHECKING:
    from bot.domain.payout import Debtor
    from bot.services.payout_files import Written

_FOLDER = click.Path(file_okay=False, exists=True, writable=True, path_type=Path)
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.group(epilog="Example: smoney payout export --to outgoing")
def payout() -> None:
    """Write payouts into SEPA files, read the bank's reports, pay out what came late."""


@payout.command("export", epilog="Example: smoney payout export --to outgoing")
@click.option("--to", "folder", type=_FOLDER, default=".", help="The folder for the files.")
@click.option("--again", metavar="MESSAGE_ID", help="Write one file once more, the same.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def export(*, folder: Path, again: str | None, as_json: bool) -> None:
    """Write every payout that waits into a pain.001 file; none is ever in two.

    A file that a crash kept from the disk is written first. Carry each to the bank once: it knows
    them by their message id.
    """
    from bot.app import open_bank_files
    from bot.services import payout_files

    debtor = _debtor()
    bank = open_bank_files(folder)
    with books() as deps, _explained(f"The file cannot be written into {folder}"):
        if again is None:
            written = payout_files.export_payouts(deps, bank, debtor)
        else:
            once_more = payout_files.export_again(deps, bank, again)
            if once_more is None:
                raise No(f"There is no file {again}: its name is its message id.")
            written = [once_more]
    _print(written, as_json=as_json)


@payout.command("import", epilog="Example: smoney payout import statement-2026-11-25.xml")
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(*, file: Path, as_json: bool) -> None:
    """Read a camt.053 or camt.054 report: payouts that left are settled, others come back.

    The same report twice changes nothing; one that cannot be taken whole is not taken at all. What
    bears a payout's name and is not the payout is named, and left to the reconciliation.
    """
    from dataclasses import asdict

    from bot.app import open_bank_files
    from bot.services import payout_files

    debtor = _debtor()
    bank = open_bank_files(Path())
    with books() as deps, _explained(f"{file} cannot be read"):
        done = payout_files.import_reports(deps, bank, debtor.iban, file.read_bytes())
    if as_json:
        put([asdict(done)])
        return
    click.echo(
        f"Reports: {done.reports}, read before: {done.known}. "
        f"Payouts settled: {done.settled}, returned: {done.returned}."
    )
    for one in done.strays:
        click.echo(
            f"Not booked: {one.end_to_end_id}, {euros(one.amount_cents)}, in {one.report_id}: "
            f"{one.detail}. Ask the bank who sent it; the next statement differs by it."
        )


_IBAN_EXAMPLE = "FR1420041010050500013M02606"


@payout.command(
    "request",
    epilog=f"Example: smoney payout request person:7 --iban {_IBAN_EXAMPLE} --holder 'Bob Petit'",
)
@click.argument("handle_or_id")
@click.option("--iban", required=True, help="Their account: see that it is theirs.")
@click.option("--holder", required=True, help="Its holder's name, as the bank has it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def request(*, handle_or_id: str, iban: str, holder: str, as_json: bool) -> None:
    """Pay out all that came into a wallet after its owner had closed it.

    The next `smoney payout export` has it. Until then `smoney payout cancel` takes it back.
    """
    from dataclasses import asdict

    from bot.services import late_payouts

    with books() as deps, _refused(handle_or_id):
        made = late_payouts.request(deps, handle_or_id, iban_text=iban, holder_text=holder)
    if as_json:
        put([asdict(made)])
        return
    click.echo(
        f"Payout {made.payout}: {euros(made.amount_cents)} to {made.iban}, {made.holder_name}. "
        "The next `smoney payout export` has it."
    )


@payout.command("cancel", epilog="Example: smoney payout cancel 12")
@click.argument("number", type=NUMBER)
def cancel(*, number: int) -> None:
    """Take back what `payout request` asked for, before it is in a file."""
    from bot.services import late_payouts

    with books() as deps, _refused(f"payout {number}"):
        late_payouts.cancel(deps, number)
    click.echo(f"Payout {number} is cancelled: its money is in the closed wallet again.")


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Turn a refusal into a sentence for an operator."""
    from bot.domain.errors import Refusal

    sentences = {
        "refusal.unknown_handle": f"{what} has no wallet here, and had none: `smoney person list` "
        "shows who has, and who closed theirs.",
        "refusal.two_people": f"{what} is one person's X id and another's handle: name them as "
        "person:N, by the number of `smoney person list`, or with an @.",
        "refusal.not_closed": f"The account of {what} is open: its owner pays out in the wallet.",
        "refusal.close_debt": f"A dispute of {what} has cost something that is not recovered: "
        f"`smoney person recover {what}` takes it first.",
        "refusal.nothing_there": f"The wallet of {what} is empty: there is nothing to pay out.",
        "refusal.iban_not_read": "That is no IBAN: compare it with what its holder wrote.",
        "refusal.iban_outside_sepa": "That IBAN is of a country outside SEPA: ask for another.",
        "refusal.holder_missing": "Say whose account it is: `--holder` takes Latin letters.",
        "refusal.payout_unknown": f"There is no {what} of a closed wallet: other payouts are "
        "their owners' to cancel.",
        "refusal.payout_under_way": f"It is too late: {what} is in a file, or cancelled already.",
    }
    try:
        yield
    except Refusal as error:
        raise No(sentences[error.reply.key]) from None


def _debtor() -> "Debtor":
    from bot.app import debtor
    from bot.config import Needs

    return debtor(settings_for(Needs.PAYOUTS))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn a no of the file's or of the disk's into a sentence for an operator."""
    from bot.domain.errors import Rejected

    try:
        yield
    except Rejected as error:
        raise No(error.detail) from None
    except OSError as error:
        raise No(f"{what}: {error.strerror or error}.") from None


def _print(written: "list[Written]", *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        put(asdict(one) for one in written)
        return
    for one in written:
        click.echo(f"{one.message_id}  {euros(one.total_cents):>12}  {one.path}")
    if not written:
        click.echo("No payout waits.", err=True)
