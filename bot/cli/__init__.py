"""The doors: `smoney` and its commands.

Every command ends with 0, with 1 where the answer is no, with 2 where it was used wrongly or its
settings are; errors are one sentence on standard error that says what to do. A command's module is
imported when the command is called, and imports what is heavy when it runs.
"""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

_WHERE: Final = {
    "run": "serve",
    "worker": "serve",
    "web": "serve",
    "migrate": "serve",
    "sandbox": "sandbox",
    "parse": "parse",
    "doctor": "doctor",
    "ledger": "ledger",
    "transfer": "transfer",
    "payout": "payout",
    "outbox": "mail",
    "inbox": "mail",
    "person": "person",
    "case": "case",
}
"""Every command, in the order of `smoney --help`, and the module of this package that holds it."""

_CANNOT_TAKE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""How standard output says that it cannot take what is written."""


class Doors(click.Group):
    """Commands that are imported when they are asked for, and errors in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (the signature is of click)
        """Return the names of every command."""
        return list(_WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (the signature is of click)
        """Import a command; None where there is none of that name."""
        if cmd_name not in _WHERE:
            return None
        command = getattr(import_module(f"bot.cli.{_WHERE[cmd_name]}"), cmd_name)
        assert isinstance(command, click.Command), "a door is a command"
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        *rest: Any,
        standalone_mode: bool = True,
        **more: Any,
    ) -> Any:
        """Run a command line; where it is the process's own, end the process."""
        args = sys.argv[1:] if args is None else args
        run = super().main
        if not standalone_mode:
            return run(args, *rest, standalone_mode=False, **more)  # type: ignore[call-overload]  # handed on
        try:
            _check_utf8(args)
            ended = run(args, *rest, standalone_mode=False, **more)  # type: ignore[call-overload]  # as they came
        except click.UsageError as error:
            _say_wrong_use(error)
            raise SystemExit(2) from None
        except click.ClickException as error:
            click.echo(error.format_message(), err=True)
            raise SystemExit(error.exit_code) from None
        except click.Abort:
            raise SystemExit(1) from None
        except BrokenPipeError:
            _give_output_up()
            raise SystemExit(1) from None  # who reads our output has gone, as `head` does
        except OSError as error:
            if error.errno not in _CANNOT_TAKE or error.filename is not None:
                raise
            _give_output_up()
            said = f"The output cannot be written ({error.strerror}): send it elsewhere."
            click.echo(said, err=True)
            raise SystemExit(1) from None
        raise SystemExit(ended if isinstance(ended, int) else 0)


def _check_utf8(args: Sequence[str]) -> None:
    for number, one in enumerate(args, start=1):
        try:
            one.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"Argument {number} is not UTF-8: type it anew.") from None


def _say_wrong_use(error: click.UsageError) -> None:
    """Say it in one line, whatever click makes of it."""
    said = " ".join(error.format_message().split())
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # whose message is the whole help
        said = "Missing command."
    where = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
    click.echo(f"{said}{where}", err=True)


def _give_output_up() -> None:
    """Keep Python from writing at its end what could not be written.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@click.command(
    cls=Doors,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: smoney parse '@smoney pay @alice 10€ for pizza'",
)
@click.version_option(package_name="smoney")
def main() -> None:
    """S-money by tweet: a bot on X that moves money."""
