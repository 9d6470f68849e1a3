"""`smoney person`: who has a wallet, what an operator verified, and wallets under review."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bot.cli.common import No, books, euros, put

if TYPE_CHECKING:
    from bot.services.persons import Level


@click.group(epilog="Example: smoney person show @alice")
def person() -> None:
    """List, show or verify people; lock, unlock or recover from wallets."""


@person.command("list", epilog="Example: smoney person list --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_(*, as_json: bool) -> None:
    """List everybody with a wallet, and who closed their account."""
    from bot.services import persons

    with books() as deps:
        rows = persons.list_persons(deps)
    _print(rows, as_json=as_json)


@person.command(epilog="Example: smoney person show @alice")
@click.argument("handle_or_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(*, handle_or_id: str, as_json: bool) -> None:
    """Show a person by a handle, or by an X user id."""
    from bot.services import persons

    with books() as deps, _explained(handle_or_id):
        row = persons.show_person(deps, handle_or_id)
    _print([row], as_json=as_json)


@person.command(epilog="Example: smoney person verify @secours_demo --organisation")
@click.argument("handle_or_id")
@click.option("--level", type=click.Choice(["declared", "verified"]), default="verified")
@click.option("--organisation", is_flag=True, help="This person is an organisation.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(*, handle_or_id: str, level: "Level", organisation: bool, as_json: bool) -> None:
    """Record that a person's identity was declared or verified.

    It also decides for somebody who declared a date of birth under 18, which stands until then
    (`smoney person show --json` has it): with `--level declared` they may declare another.
    """
    from bot.services import persons

    with books() as deps, _explained(handle_or_id):
        row = persons.verify(
            deps, handle_or_id, level=level, is_organisation=True if organisation else None
        )
    _print([row], as_json=as_json)


@person.command(epilog="Example: smoney person lock @alice --reason 'asked by the police'")
@click.argument("handle_or_id")
@click.option("--reason", default="by an operator", show_default=True, help="Kept with the lock.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lock(*, handle_or_id: str, reason: str, as_json: bool) -> None:
    """Lock a wallet for review: it pays nothing and takes nothing until it is unlocked."""
    from bot.services import persons

    with books() as deps, _explained(handle_or_id):
        row = persons.lock(deps, handle_or_id, reason[:200])
    _print([row], as_json=as_json)


@person.command(epilog="Example: smoney person unlock @alice")
@click.argument("handle_or_id")
@click.option("--new-code", is_flag=True, help="They forgot their wallet code: ask for another.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def unlock(*, handle_or_id: str, new_code: bool, as_json: bool) -> None:
    """Let a locked wallet pay and take again, and its owner's codes count again."""
    from bot.services import persons

    with books() as deps, _explained(handle_or_id):
        open_again = persons.forget_code if new_code else persons.unlock
        row = open_again(deps, handle_or_id)
    _print([row], as_json=as_json)


@person.command(epilog="Example: smoney person recover @alice")
@click.argument("handle_or_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def recover(*, handle_or_id: str, as_json: bool) -> None:
    """Take from a wallet what its disputes cost, as far as it is there, to own:losses."""
    from bot.services import persons

    with books() as deps, _explained(handle_or_id):
        row = persons.recover(deps, handle_or_id)
    if not as_json:
        click.echo(f"{euros(row['recovered_cents'])} went from the wallet to own:losses.")
    _print([row], as_json=as_json)


@contextmanager
def _explained(handle_or_id: str) -> Iterator[None]:
    from bot.domain.errors import Refusal

    sentences = {
        "refusal.nothing_to_recover": f"No dispute of {handle_or_id} has cost anything that is "
        "not recovered: `smoney case list` shows what is open.",
        "refusal.nothing_there": f"The wallet of {handle_or_id} is empty: nothing was taken.",
    }
    try:
        yield
    except Refusal as error:
        nobody = f"{handle_or_id} has no wallet here: `smoney person list` shows who has one."
        raise No(sentences.get(error.reply.key, nobody)) from None


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        put(rows)
        return
    for row in rows:
        handles = " ".join(f"@{one['handle'] or one['x_user_id']}" for one in row["accounts"])
        kind = "organisation" if row["organisation"] else "person"
        state = "closed" if row["closed_at"] else "locked" if row["locked_at"] else ""
        click.echo(
            f"{row['person']:>6}  {handles:<20}  {kind:<12}  {row['level']:<10}  "
            f"{euros(row['balance_cents']):>12}  {state}".rstrip()
        )
