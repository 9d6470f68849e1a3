"""`smoney person`: who has a wallet, what an operator verified, and wallets under review."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.common import No, books, euros, put, reason_of

if TYPE_CHECKING:
    from bot.domain.errors import Refusal
    from bot.services.persons import Level


@click.group(epilog="Example: smoney person show @alice")
def person() -> None:
    """List, show or verify people; lock, unlock or recover from wallets; their data."""


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


@person.command(epilog="Example: smoney person export @alice --to alice.json")
@click.argument("handle_or_id")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
def export(*, handle_or_id: str, file: Path | None) -> None:
    """Write all that is kept about a person, who closed their account too, as JSON.

    It is the file that the wallet gives its owner, for who cannot fetch it there. See that it is
    them who ask, and give it to nobody else.
    """
    from bot.services import own_data

    with books() as deps, _explained(handle_or_id):
        pieces = own_data.of_anybody(deps, handle_or_id)
        if file is None:
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        try:
            # Never another's file in its place, and for nobody else's eyes on this machine.
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.writelines(pieces)
        except OSError as error:
            raise No(f"{file} cannot be written: {reason_of(error)}. Name a new file.") from None


_KEPT = {
    "identity": "who they are, with phone, X accounts and consents (Code monétaire et financier, "
    "L.561-12)",
    "books": "transfers, cards, payouts and what proves them, under a number (Code de commerce, "
    "L.123-22)",
}


@person.command(epilog="Example: smoney person erase person:7")
@click.argument("handle_or_id")
@click.option(
    "--close", is_flag=True, help="Close an open account first, for good; person:N alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def erase(*, handle_or_id: str, close: bool, as_json: bool) -> None:
    """Forget what a person who closed their account wrote and was written.

    Notes, messages, texts and addresses go now. Who they are goes by itself five years after the
    end, the books stay for ten: it says what is kept, until when, and by which law.
    """
    from dataclasses import asdict

    from bot.app import open_books_and_figures
    from bot.config import Needs
    from bot.services import erase as erasing

    with books(Needs.FIGURES, open_books_and_figures) as deps, _explained(handle_or_id):
        done = erasing.erase(deps, handle_or_id, close=close)
    if as_json:
        put([asdict(done)])
        return
    gone = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in done.erased.items())
    click.echo(f"Erased of person {done.person}: {gone}.")
    for one in done.kept:
        click.echo(f"Kept until {one.until:%Y-%m-%d}: {_KEPT[one.what]}.")


@contextmanager
def _explained(handle_or_id: str) -> Iterator[None]:
    from bot.domain.errors import Refusal

    sentences = {
        "refusal.two_people": f"{handle_or_id} is one person's X id and another's handle: name "
        "them as person:N, by the number of `smoney person list`, or with an @.",
        "refusal.erase_by_number": "`--close` takes person:N alone, since a handle may be somebody "
        f"else's by now: `smoney person show {handle_or_id}` has the number.",
        "refusal.nothing_to_recover": f"No dispute of {handle_or_id} has cost anything that is "
        "not recovered: `smoney case list` shows what is open.",
        "refusal.nothing_there": f"The wallet of {handle_or_id} is empty: nothing was taken.",
        "refusal.not_closed": f"The account of {handle_or_id} is open: its owner closes it in the "
        "wallet, or `--close` does it for who cannot.",
    }
    try:
        yield
    except Refusal as error:
        nobody = f"{handle_or_id} has no wallet here: `smoney person list` shows who has one."
        key = error.reply.key
        if key.startswith("refusal.close_"):
            raise No(f"That account cannot be closed. {_said(error)}") from None
        raise No(sentences.get(key, nobody)) from None


def _said(error: "Refusal") -> str:
    """Say why not, as the account's owner would read it."""
    from bot.i18n.texts import say

    return say(error.reply, "en", public=False)


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
