"""`smoney case`: what an operator has to look at, with its clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bot.cli.common import NUMBER, No, books, put


@click.group(epilog="Example: smoney case list")
def case() -> None:
    """List, show or close cases."""


@case.command("list", epilog="Example: smoney case list --all --json")
@click.option("--all", "closed", is_flag=True, help="Those that are closed too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(*, closed: bool, as_json: bool) -> None:
    """List the open cases: what is due first comes first."""
    from bot.services import cases

    with books() as deps:
        rows = cases.list_cases(deps, closed=closed)
    _print(rows, as_json=as_json)
    if not rows:
        click.echo("No case is open.", err=True)


@case.command(epilog="Example: smoney case show 3")
@click.argument("number", type=NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(*, number: int, as_json: bool) -> None:
    """Show a case with what is known about it."""
    from bot.services import cases

    with books() as deps, _explained(number):
        row = cases.show_case(deps, number)
    _print([row], as_json=as_json)
    if not as_json:
        click.echo(row["detail"])


@case.command(epilog="Example: smoney case close 3")
@click.argument("number", type=NUMBER)
@click.option(
    "--anyway", is_flag=True, help="Though the wallet is locked, the loss open or money left."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def close(*, number: int, anyway: bool, as_json: bool) -> None:
    """Close a case that was looked at; it stays in the list of all."""
    from bot.services import cases

    with books() as deps, _explained(number):
        row = cases.close_case(deps, number, anyway=anyway)
    _print([row], as_json=as_json)


@contextmanager
def _explained(number: int) -> Iterator[None]:
    from bot.domain.errors import Refusal

    sentences = {
        "refusal.case_locked": f"The wallet of case {number} is still locked: `smoney person "
        "unlock` opens it, `--anyway` closes the case even so.",
        "refusal.case_unrecovered": f"What the dispute of case {number} cost is not recovered: "
        "`smoney person recover` takes it from the wallet, `--anyway` closes the case even so.",
        "refusal.case_money_left": f"The money of case {number} is still in the closed wallet: "
        "`smoney payout request` pays it out, `--anyway` closes the case even so.",
        "refusal.case_payout_under_way": f"The money of case {number} is still being paid out: "
        "close it once the bank has it, or now by `--anyway`.",
    }
    try:
        yield
    except Refusal as error:
        nothing = f"There is no case {number}: `smoney case list --all` shows them."
        raise No(sentences.get(error.reply.key, nothing)) from None


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        put(rows)
        return
    for row in rows:
        until = (
            f"closed {row['closed_at'][:10]}" if row["closed_at"] else f"due {row['due_at'][:10]}"
        )
        click.echo(f"{row['case']:>6}  {row['kind']:<12}  {until:<18}  {row['about']}")
