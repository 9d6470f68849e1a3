"""`smoney outbox` and `smoney inbox`: what waits, what died and why, and another try."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from bot.cli.common import NUMBER, No, books, put

if TYPE_CHECKING:
    from bot.services.deps import Deps


@click.group(epilog="Example: smoney outbox list")
def outbox() -> None:
    """What the bot has to say, or could not."""


@click.group(epilog="Example: smoney inbox list")
def inbox() -> None:
    """What came in and was not read."""


@outbox.command("list", epilog="Example: smoney outbox list --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_outbox(*, as_json: bool) -> None:
    """List the messages that died, then those that wait."""
    from bot.services import operate

    with books() as deps:
        rows = operate.list_outbox(deps)
    _print(rows, as_json=as_json, about=("channel", "key"))


@outbox.command("retry", epilog="Example: smoney outbox retry 17")
@click.argument("row_ids", metavar="[ID]...", nargs=-1, type=NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retry_outbox(*, row_ids: Sequence[int], as_json: bool) -> None:
    """Give dead messages another try: these, or all; each is looked up at X first."""
    from bot.services import operate

    _retry(operate.retry_outbox, row_ids, what="message", as_json=as_json)


@inbox.command("list", epilog="Example: smoney inbox list --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_inbox(*, as_json: bool) -> None:
    """List what died, then what waits."""
    from bot.services import operate

    with books() as deps:
        rows = operate.list_inbox(deps)
    _print(rows, as_json=as_json, about=("source", "source_id"))


@inbox.command("retry", epilog="Example: smoney inbox retry 17")
@click.argument("row_ids", metavar="[ID]...", nargs=-1, type=NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retry_inbox(*, row_ids: Sequence[int], as_json: bool) -> None:
    """Let what died be read again: these, or all."""
    from bot.services import operate

    _retry(operate.retry_inbox, row_ids, what="event", as_json=as_json)


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool, about: tuple[str, str]) -> None:
    if as_json:
        put(rows)
        return
    for row in rows:
        taken = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
        reason = f"  {row['reason']}" if row["reason"] else ""
        which = "  ".join(str(row[name]) for name in about)
        click.echo(f"{row['id']:>6}  {row['status']:<8}  {which}  taken up {taken}{reason}")
    if not rows:
        click.echo("Nothing waits and nothing died.", err=True)


def _retry(
    retry: Callable[["Deps", Sequence[int] | None], int],
    row_ids: Sequence[int],
    *,
    what: str,
    as_json: bool,
) -> None:
    with books() as deps:
        count = retry(deps, list(row_ids) or None)
    if row_ids and count < len(set(row_ids)):
        raise No(
            f"{count} of {len(set(row_ids))} can be tried again: the others are not dead, "
            "or their text was pruned."
        )
    if as_json:
        put([{"retried": count}])
    else:
        click.echo(f"{count} {what}{'' if count == 1 else 's'} will be tried again.")
