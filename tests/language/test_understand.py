"""`smoney parse`: the objects of LANGUAGE.md's "Output", one for each line."""

import io
import json
import re
import subprocess
import sys

import pytest

from bot.language import Text, tables
from bot.services.understand import describe, describe_lines, printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "paie @alice 10€ #resto",
            (
                '{"kind": "pay", "people": ["alice"], "amount_cents": 1000, "currency": "EUR", '
                '"each": false, "note": "#resto", "lang": "fr"}'
            ),
        ),
        (
            "request 10€ each @alice @bob",
            (
                '{"kind": "request", "people": ["alice", "bob"], "amount_cents": 1000, '
                '"currency": "EUR", "each": true, "note": null, "lang": "en"}'
            ),
        ),
        (
            "split 30€ @alice @bob",
            (
                '{"kind": "split", "people": ["alice", "bob"], "amount_cents": 3000, '
                '"currency": "EUR", "note": null, "lang": "en"}'
            ),
        ),
        (
            "#don 5€ @acf_france",
            (
                '{"kind": "donate", "people": ["acf_france"], "amount_cents": 500, '
                '"currency": "EUR", "note": null, "lang": "fr"}'
            ),
        ),
        ("yes 4F7K2Q", '{"kind": "confirm", "code": "4F7K2Q", "lang": "en"}'),
        ("annule", '{"kind": "cancel", "reference": null, "lang": "fr"}'),
        ("decline #4f7k2q", '{"kind": "decline", "reference": "4F7K2Q", "lang": "en"}'),
        ("stop it", '{"kind": "stop", "lang": "en"}'),
        ("aide", '{"kind": "help", "lang": "fr"}'),
        ("solde", '{"kind": "balance", "lang": "fr"}'),
        ("nice bot", '{"kind": "none"}'),
    ],
)
def test_each_kind_is_printed_as_specified(text: str, expected: str) -> None:
    """Key for key, in their order."""
    assert printed(describe(Text(f"@smoney {text}"))) == expected


def test_an_error_is_printed_with_its_sentence() -> None:
    """In the language of the answer."""
    said = describe(Text("@smoney paie @alice 10"))
    assert list(said) == ["kind", "error", "message", "lang"]
    assert said["error"] == "missing_currency"
    assert said["message"] == (
        "Je lis «\u00a010\u00a0», mais «\u00a010\u00a0» quoi\u00a0? "
        "Ajoutez le signe € et c’est bon\u00a0: paie 10\u00a0€ à @alice"
    )


def test_each_line_has_its_answer_before_the_next_is_read() -> None:
    """A program on the other side may wait for it."""
    out = io.StringIO()

    def lines() -> object:
        yield '{"text": "@smoney help"}\n'
        assert json.loads(out.getvalue()) == {"kind": "help", "lang": "en"}
        yield json.dumps(
            {"text": "@b pay @alice 10€ \ud800", "bot": "b", "unknown": 1, "lang": None}
        )
        yield '{"text": "oui 4F7K2Q", "direct": true, "in_reply_to": null, "typed_from": 0}'

    assert describe_lines(lines(), out, io.StringIO())  # type: ignore[arg-type]  # a generator of strings
    _, second, third = map(json.loads, out.getvalue().splitlines())
    assert second["note"] == "\ud800"
    assert third == {"kind": "confirm", "code": "4F7K2Q", "lang": "fr"}


@pytest.mark.parametrize(
    "line",
    [
        "pay", "", "\n", "[]", "{}", '{"text": 1}', '{"text": "x", "direct": 1}',
        '{"text": "x", "bot": null}', '{"text": "x", "bot": "not a handle!"}',
        '{"text": "x", "in_reply_to": "@a-b"}',
        '{"text": "x", "typed_from": "0"}', '{"text": "x", "typed_from": true}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_malformed_line_is_named(line: str) -> None:
    """It asks for nothing, and the lines before and after it are answered."""
    out, errors = io.StringIO(), io.StringIO()
    assert not describe_lines(['{"text": "@smoney help"}', line, '{"text": "hi"}'], out, errors)
    kinds = [json.loads(answer)["kind"] for answer in out.getvalue().splitlines()]
    assert kinds == ["help", "none", "none"]
    assert re.fullmatch(r"Error: Line 2\b.+\.\n", errors.getvalue())


def test_nothing_heavy_is_imported() -> None:
    """A cold start has 0.4 s; Lark is imported only where there is no cache."""
    code = (
        "import sys; before = set(sys.modules); from bot.cli import main;"
        "main(['parse', '@smoney pay @alice 10€', '@smoney pay @alice 10'], standalone_mode=False);"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    tables.load()  # where there is no cache, Lark makes the tables
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *answers, imported = done.stdout.splitlines()
    assert [json.loads(answer)["kind"] for answer in answers] == ["pay", "error"]
    loaded = {name for name in imported.split() if not name.startswith("_sysconfigdata")}
    assert loaded - sys.stdlib_module_names == {"bot", "click"}
    assert not loaded & {"asyncio", "email", "http", "sqlite3", "ssl", "xml"}
