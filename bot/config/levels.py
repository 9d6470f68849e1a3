"""Reads the table of levels: the one beside this file, or the operator's own.

A table that cannot be taken raises `ValueError` with the end of a sentence that names its line.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.domain.levels import RIGHTS, Level, Levels, Rights

SHIPPED: Final = Path(__file__).with_name("levels.toml")
"""The table where LEVELS_FILE names none."""


@cache
def read_levels(path: str) -> Levels:
    """Return the table in a file; an empty path is the shipped one."""
    try:
        text = (Path(path) if path else SHIPPED).read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError):
        raise ValueError("must name a UTF-8 file that can be read") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"names a table that is no TOML: {error}") from None
    for name, row in table.items():
        if name not in {level.value for level in Level}:
            levels = ", ".join(Level)
            raise _wrong(text, name, None, f"{name} is no level (there are {levels})")
        if not isinstance(row, dict):
            raise _wrong(text, name, None, f"{name} must be a table, [{name}]")
    return {level: _row(text, level, table) for level in Level}


def _row(text: str, level: Level, table: dict[str, Any]) -> Rights:
    row = table.get(level.value)
    if row is None:
        raise ValueError(f"names a table that has no [{level}]")
    for name, value in row.items():
        if name not in RIGHTS:
            raise _wrong(text, name, level, f"{name} is no column (there are {', '.join(RIGHTS)})")
        if type(value) is not int or value < 0:
            raise _wrong(text, name, level, f"{name} must be whole cents, 0 or more")
    for name in RIGHTS:
        if name not in row:
            raise _wrong(text, f"[{level}]", None, f"[{level}] says no {name}")
    return Rights(**row)


def _wrong(text: str, name: str, level: Level | None, why: str) -> ValueError:
    """Name the line on which a word stands, below its level's heading."""
    lines = text.splitlines()
    heading = f"[{level}]"
    first = next((n for n, line in enumerate(lines) if line.strip().startswith(heading)), 0)
    pattern = re.compile(rf"\s*\[?{re.escape(name.strip('[]'))}\b")
    number = next((n for n, line in enumerate(lines) if n >= first and pattern.match(line)), first)
    return ValueError(f"names a table whose line {number + 1} is wrong: {why}")
