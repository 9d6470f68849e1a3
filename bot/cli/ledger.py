"""`smoney ledger`: the books, proved and shown."""

from dataclasses import asdict

import click

from bot.cli.common import books, euros, put


@click.group(epilog="Example: smoney ledger check")
def ledger() -> None:
    """Prove the books, or show their balances."""


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
