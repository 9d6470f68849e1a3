"""The local X: a server that speaks the parts of X's v2 API that the bot uses."""

from bot.sandbox.x_server.app import create_app
from bot.sandbox.x_server.credentials import Credentials

__all__ = ["Credentials", "create_app"]
