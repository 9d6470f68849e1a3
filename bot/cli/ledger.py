"""`smoney ledger`: the books, proved, shown and exported."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from bot.cli.common import books, euros, moment, put

if TYPE_CHECKING:
    from bot.services.export import Format


@click.group(epilog="Example: smoney ledger check")
def ledger() -> None:
    """Prove the books, show their balances, or export them."""


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
        f"The books {said}: {report.entries} entries, {report.postings} postings, "
        f"{report.accounts} accounts."
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
