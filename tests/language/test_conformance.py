"""The rows that LANGUAGE.md comes with."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.language import Text
from bot.services.understand import describe

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "commands.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("row", ROWS, ids=[row["given"]["text"] for row in ROWS])
def test_each_row_of_the_conformance_file_is_read_as_it_says(row: dict[str, Any]) -> None:
    """Each row's expectation is part of what `smoney parse` prints."""
    said = describe(Text(**row["given"]))
    assert said | row["expect"] == said


def test_the_file_is_there_whole() -> None:
    """The copy was not cut short."""
    assert len(ROWS) >= 54
