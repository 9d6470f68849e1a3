"""Text to command: the language that people tweet in (LANGUAGE.md)."""

from bot.language.normalize import Text
from bot.language.parser import parse

__all__ = ["Text", "parse"]
