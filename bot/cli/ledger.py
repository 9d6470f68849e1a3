"""`smoney ledger`: the books, proved, shown and exported."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.common import NUMBER, No, books, euros, moment, put

if TYPE_CHECKING:
    from bot.domain.safeguarding import OwnAccount
    from bot.services.export import Format
    from bot.services.reconcile import Difference


@click.group(epilog="Example: smoney ledger check")
def ledger() -> None:
    """Prove the books, show, export or reconcile them."""


@ledger.command(epilog="Example: smoney ledger check --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(*, as_json: bool) -> int:
    """Prove the books; exit 1 where they do not balance."""
    from bot.services.check import check_books

    with books() as deps:
        report = check_books(deps)
    if as_json:
        put([asdict(report)])
        return 0 if report.balanced else 1
    for problem in report.problems:
        click.echo(problem)
    said = "balance" if report.balanced else "do not balance"
    click.echo(
        f"The books {said}. Entries: {report.entries}, postings: {report.postings}, "
        f"accounts: {report.accounts}."
    )
    return 0 if report.balanced else 1


@ledger.command(epilog="Example: smoney ledger balances")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def balances(*, as_json: bool) -> None:
    """Show every account: `cards` and `bank` with their sign turned."""
    from bot.services.check import balances as all_balances

    with books() as deps:
        rows = all_balances(deps)
    if as_json:
        put({"account": name, "balance_cents": cents} for name, cents in rows)
        return
    width = max((len(name) for name, _cents in rows), default=0)
    for name, cents in rows:
        click.echo(f"{name:<{width}}  {euros(cents):>14}")


@ledger.command(epilog="Example: smoney ledger export --format beancount > books.beancount")
@click.option(
    "--format", "form", type=click.Choice(["csv", "beancount"]), default="csv", show_default=True
)
@click.option("--since", callback=moment, metavar="TIME", help="Written since then (UTC).")
def export(*, form: "Format", since: datetime | None) -> None:
    """Export the journal: `cards` and `bank` with their sign turned.

    As beancount, all signs are beancount's own, and what was there before TIME is one entry.
    """
    from bot.services.export import export_books

    with books() as deps:
        for line in export_books(deps, form, since=since):
            click.echo(line)


@ledger.command(epilog="Example: smoney ledger reconcile --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reconcile(*, as_json: bool) -> int:
    """Book what the acquirer paid out, list what does not agree; exit 1 on an alarm.

    It asks the acquirer, so that it needs STRIPE_API_KEY beside DATABASE_URL and ENVIRONMENT.
    """
    from bot.app import open_books_and_acquirer
    from bot.config import Needs
    from bot.domain.errors import BotError
    from bot.services.reconcile import reconcile_books

    with books(Needs.CARDS, open_books_and_acquirer) as deps:
        try:
            found = reconcile_books(deps)
        except BotError as error:
            raise No(
                f"The acquirer does not tell what it paid out ({error}): try again later, or run "
                "`smoney doctor`."
            ) from None
    alarm = bool(found.short_cents or found.late_cents)
    if as_json:
        put([asdict(found)])
        return int(alarm)
    click.echo(
        f"Payouts of the acquirer: {found.payouts}, {euros(found.paid_out_cents)}; own funds to "
        f"transfer: {euros(found.topup_cents)}."
    )
    for one in found.differences:
        _print_difference(one)
    click.echo(
        f"Owed: {euros(found.owed_cents)}. Safeguarded: {euros(found.safeguarded_cents)}. "
        f"Missing: {euros(found.short_cents)}. Late: {euros(found.late_cents)}."
    )
    return int(alarm)


@ledger.command(epilog="Example: smoney ledger book 3 --to costs")
@click.argument("line", type=NUMBER)
@click.option("--to", type=click.Choice(["funds", "fees", "costs", "losses"]), required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def book(*, line: int, to: "OwnAccount", as_json: bool) -> None:
    """Book a listed difference that you have understood to an own account, once."""
    from bot.domain.errors import Rejected
    from bot.services.reconcile import book_difference

    with books() as deps:
        try:
            done = book_difference(deps, line, to)
        except Rejected as error:
            raise No(f"{error.detail} `smoney ledger reconcile` lists them.") from None
    if as_json:
        put([{**asdict(done), "booked_to": to}])
        return
    click.echo(f"Booked to own:{to}: {euros(done.amount_cents)}.")


def _print_difference(one: "Difference") -> None:
    click.echo(f"{one.line:>6}  {one.account:<5}  {euros(one.amount_cents):>12}  {one.detail}")
