"""`smoney transfer`: what people ordered and what became of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import click

from bot.cli.common import No, books, euros, moment, put
from bot.domain.transfer import TransferStatus


@click.group(epilog="Example: smoney transfer show 4F7K2Q")
def transfer() -> None:
    """List, show or cancel transfers."""


@transfer.command("list", epilog="Example: smoney transfer list --status held --since 2026-08-01")
@click.option("--status", type=click.Choice([one.value for one in TransferStatus]))
@click.option("--since", callback=moment, metavar="TIME", help="Made since then (UTC).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(*, status: str | None, since: datetime | None, as_json: bool) -> None:
    """List transfers, oldest first."""
    from bot.services import operate

    with books() as deps:
        rows = operate.list_transfers(deps, status=status, since=since)
    if as_json:
        put(rows)
        return
    for row in rows:
        click.echo(_line(row))
    if not rows:
        click.echo("No transfer fits.", err=True)


@transfer.command(epilog="Example: smoney transfer show 4F7K2Q --json")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def show(*, reference: str, as_json: bool) -> None:
    """Show the transfers of an order, each with its history."""
    from bot.services import operate

    with books() as deps, _explained(reference):
        rows = operate.show_order(deps, reference.lstrip("#"))
    _print(rows, as_json=as_json)


@transfer.command(epilog="Example: smoney transfer cancel 4F7K2Q")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print the order's transfers as JSON.")
def cancel(*, reference: str, as_json: bool) -> None:
    """Cancel what still waits in an order; its money has not moved."""
    from bot.app import open_books_and_figures
    from bot.config import Needs
    from bot.services import operate

    reference = reference.lstrip("#")
    with books(Needs.FIGURES, open_books_and_figures) as deps, _explained(reference):
        operate.cancel_order(deps, reference)
        rows = operate.show_order(deps, reference)
    _print(rows, as_json=as_json)


@transfer.command(epilog="Example: smoney transfer refund 4F7K2Q-1 --to card")
@click.argument("reference")
@click.option("--to", type=click.Choice(["wallet", "card"]), default="wallet", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the order's transfers as JSON.")
def refund(*, reference: str, to: Literal["wallet", "card"], as_json: bool) -> None:
    """Give back what was posted: into the payer's wallet, or on to their card.

    What goes to a card is sent by the worker.
    """
    from bot.services import operate

    reference = reference.lstrip("#")
    with books() as deps, _explained(reference):
        operate.refund_order(deps, reference, to=to)
        rows = operate.show_order(deps, reference.partition("-")[0])
    _print(rows, as_json=as_json)


@contextmanager
def _explained(reference: str) -> Iterator[None]:
    """Turn a refusal into a sentence for an operator."""
    from bot.domain.errors import Refusal

    sentences = {
        "refusal.unknown_reference": f"There is no order {reference}: "
        "`smoney transfer list` shows those that there are.",
        "refusal.nothing_to_cancel": f"Nothing in {reference} waits any more: "
        f"`smoney transfer show {reference}` says what became of it.",
        "refusal.nothing_to_refund": f"Nothing in {reference} is left to refund that way: "
        f"`smoney transfer show {reference}` says what became of it.",
        "refusal.payer_has_closed": "The payer has closed their account: with `--to card` it goes "
        "back to the card that paid.",
        "refusal.payee_spent_it": "The payee's wallet no longer holds it: nothing was refunded.",
        "refusal.payer_spent_it": "The payer's wallet no longer holds what was refunded into it: "
        "nothing goes to the card.",
        "refusal.no_card_to_refund": "No captured card payment is behind it, or it is disputed or "
        "refunded: refund to the wallet.",
    }
    try:
        yield
    except Refusal as error:
        key = error.reply.key
        raise No(sentences.get(key, f"{reference} is refused: {key}.")) from None


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        put(rows)
        return
    if not rows:
        click.echo("A split that nobody was asked for: it has no transfer yet.", err=True)
    for row in rows:
        click.echo(_line(row))
        for event in row["history"]:
            click.echo(f"    {event['at'][:19]}Z  {event['status']:<9}  {event['reason']}")


def _line(row: dict[str, Any]) -> str:
    payer, payee = (
        f"@{row[one]['handle']}" if row[one]["handle"] else row[one]["x_user_id"]
        for one in ("payer", "payee")
    )
    note = f"  {row['note']}" if row["note"] else ""
    return (
        f"{row['reference']:<9}  {row['status']:<9}  {euros(row['amount_cents']):>12}  "
        f"{payer} → {payee}  {row['created_at'][:16]}Z{note}"
    )
