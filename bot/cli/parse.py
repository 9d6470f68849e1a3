"""`smoney parse`: what a text asks for, without any setting."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.domain.commands import Lang


@click.command(
    short_help="Say what a text asks for.",
    epilog="Example: smoney parse '@smoney pay @alice 10€ for pizza'",
)
@click.argument("texts", metavar="TEXT...", nargs=-1)
@click.option("--jsonl", is_flag=True, help="Read JSON objects from standard input, one a line.")
@click.option("--in-reply-to", metavar="HANDLE", help="Whose post is answered.")
@click.option("--direct", is_flag=True, help="A direct message, which need not name the bot.")
@click.option("--bot", metavar="HANDLE", default="smoney", show_default=True)
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
    """Say what texts ask for, as one JSON object each."""
    if jsonl == bool(texts):
        raise click.UsageError("Give texts, or --jsonl and objects on standard input.")
    from bot.language import Text
    from bot.services import understand

    _speak_utf8()
    if jsonl:
        try:
            understand.describe_lines(sys.stdin, sys.stdout)
        except understand.MalformedLineError as error:
            raise click.UsageError(str(error)) from None
        return
    for text in texts:
        said = understand.describe(
            Text(
                text=text,
                bot=bot.removeprefix("@"),
                in_reply_to=in_reply_to.removeprefix("@") if in_reply_to else None,
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
