"""`smoney parse`: one object for each text, without any setting."""

import json
from pathlib import Path

from tests.doors.far_side import smoney


def parsed(folder: Path, *arguments: str, stdin: str | None = None) -> list[dict[str, object]]:
    """Run it in an environment without settings; return what it prints."""
    ended = smoney("parse", *arguments, settings={}, folder=folder, stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_each_text_has_its_line(tmp_path: Path) -> None:
    """In order."""
    one, two = parsed(tmp_path, "@smoney pay @alice 10€ for pizza", "hello")
    assert (one["kind"], one["people"], one["amount_cents"]) == ("pay", ["alice"], 1000)
    assert one["note"] == "pizza"
    assert two == {"kind": "none"}


def test_a_text_is_read_as_a_direct_message_to_another_bot_in_reply_to_somebody(
    tmp_path: Path,
) -> None:
    """What X would say of a text can be said by options."""
    (direct,) = parsed(tmp_path, "--direct", "solde")
    assert direct["kind"] == "balance"
    (other,) = parsed(tmp_path, "--bot", "@SMoneyFR", "@SMoneyFR envoyer 20€ à @marie")
    assert other["people"] == ["marie"]
    (reply,) = parsed(tmp_path, "--in-reply-to", "@alice", "@smoney pay 10€")
    assert reply["people"] == ["alice"]


def test_lines_of_json_are_answered_line_by_line(tmp_path: Path) -> None:
    """All but the text may be missing; French letters pass whatever the locale."""
    said = [
        {"text": "@smoney envoyer 20€ à @marie pour le dîner"},
        {"text": "solde", "direct": True},
    ]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in said)
    first, second = parsed(tmp_path, "--jsonl", stdin=lines)
    assert first["note"] == "le dîner"
    assert second["kind"] == "balance"


def test_a_line_that_is_no_text_is_wrong_use(tmp_path: Path) -> None:
    """It asks for nothing, the others are answered, and a sentence names the line."""
    ended = smoney(
        "parse",
        "--jsonl",
        settings={},
        folder=tmp_path,
        stdin='not JSON\n\n{"text": "@smoney help"}\n',
    )
    assert ended.returncode == 2
    assert ended.stdout == '{"kind": "none"}\n' * 2 + '{"kind": "help", "lang": "en"}\n'
    assert ended.stderr == "Error: Line 1 is not JSON.\nError: Line 2 is not JSON.\n"


def test_texts_and_lines_do_not_go_together(tmp_path: Path) -> None:
    """One or the other."""
    ended = smoney("parse", "--jsonl", "text", settings={}, folder=tmp_path, stdin="")
    assert ended.returncode == 2
