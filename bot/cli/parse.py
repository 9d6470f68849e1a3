"""`smoney parse`: what a text asks for, without any setting."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from bot.domain.commands import Lang

WRONG_USE: Final = 2
"""The exit status where a line was no text, as it is where an option is wrong."""


def _handle(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    from bot.services.understand import HANDLE

    found = None if value is None else HANDLE.fullmatch(value)
    if value is not None and found is None:
        raise click.BadParameter("write a handle of X, such as alice.")
    return found and found[1]


@click.command(
    short_help="Say what a text asks for.",
    epilog="Example: smoney parse '@smoney pay @alice 10€ for pizza'",
)
@click.argument("texts", metavar="TEXT...", nargs=-1)
@click.option("--jsonl", is_flag=True, help="Read JSON objects from standard input, one a line.")
@click.option("--in-reply-to", metavar="HANDLE", callback=_handle, help="Whose post is answered.")
@click.option("--direct", is_flag=True, help="A direct message, which need not name the bot.")
@click.option("--bot", metavar="HANDLE", callback=_handle, default="smoney", show_default=True)
@click.option("--lang", type=click.Choice(["fr", "en"]), help="What X says of the text.")
def parse(
    *,
    texts: Sequence[str],
    jsonl: bool,
    in_reply_to: str | None,
    direct: bool,
    bot: str,
    lang: "Lang | None",
) -> None:
    """Say what texts ask for, as one JSON object each.

    A line of --jsonl that is no text is answered with none and named on standard error; the exit
    status is 2 then.
    """
    if jsonl == bool(texts):
        raise click.UsageError("Give texts, or --jsonl and objects on standard input.")
    from bot.language import Text
    from bot.services import understand

    _speak_utf8()
    if jsonl:
        if not understand.describe_lines(sys.stdin, sys.stdout, sys.stderr):
            raise click.exceptions.Exit(WRONG_USE)
        return
    for text in texts:
        said = understand.describe(
            Text(
                text=text,
                bot=bot,
                in_reply_to=in_reply_to,
                direct=direct,
                lang=lang,
            )
        )
        click.echo(understand.printed(said))


def _speak_utf8() -> None:
    """Read and write UTF-8 whatever the machine's locale is; bytes that are none stay escaped."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
