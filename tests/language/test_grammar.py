"""The grammar's files, the tables made of them, and the loop that runs the tables."""

import json
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any, Final

import lark
import pytest

from bot.domain import commands
from bot.language import characters, normalize, parser, tables
from bot.language.engine import Engine, NotReadError
from tests.language import test_amounts, test_commands

LANGUAGE = Path(tables.__file__).parent
TEXTS = sorted(
    {
        "", "?", "thanks", "I like it", "x @alice", "pay @alice @bob 10€ each",
        *(row["given"]["text"] for row in map(
            json.loads,
            (Path(__file__).parents[1] / "data" / "commands.jsonl").read_text().splitlines(),
        )),
        *(f"pay @alice {text}" for text, _ in test_amounts.WELL_WRITTEN),
        *(f"{text} @alice" for texts in test_amounts.BADLY_WRITTEN.values() for text in texts),
        *(f"ask @alice {text}" for texts in test_amounts.BADLY_WRITTEN.values() for text in texts),
        *(f"{verb} #4F7K2Q" for _, _, verb in test_commands.VERBS),
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def by_lark() -> lark.Lark:
    """Lark's own parser of the same grammar."""
    return lark.Lark(tables.grammar(), parser="lalr", lexer="contextual", start=list(tables.STARTS))


def _tree(name: str) -> Any:
    return lambda children: (name, children)


@pytest.mark.parametrize("start", tables.STARTS)
def test_the_loop_reads_as_lark_does(by_lark: lark.Lark, start: str) -> None:
    """The same tree of the same tokens, for every text of the other tables."""
    made = tables.make(tables.grammar())
    names = {name for name, *_ in made["rules"]}
    engine = Engine(made, {name: _tree(name) for name in names})

    def shape(node: Any) -> Any:
        if isinstance(node, lark.Tree):
            return (node.data, [shape(child) for child in node.children])
        if isinstance(node, lark.Token):
            return (node.type, str(node), node.start_pos, node.end_pos)
        return tuple(node) if type(node).__name__ == "Token" else (node[0], [*map(shape, node[1])])

    for text in TEXTS:
        shadow = characters.shadow(normalize.fold(text)).rstrip(f" {characters.GAP}")
        assert shape(engine.read(shadow, start)) == shape(by_lark.parse(shadow, start=start)), text


def test_the_grammar_is_found_beside_the_package_and_inside_it(tmp_path: Path) -> None:
    """From a checkout, and from an installed wheel."""
    assert {path.name for path in tables.folder().iterdir()} >= set(tables.FILES)
    package = tmp_path / "bot"
    (package / "grammar").mkdir(parents=True)
    assert tables.folder(package) == package / "grammar"
    assert tables.folder(tmp_path / "elsewhere" / "bot") == tmp_path / "elsewhere" / "grammar"


def test_a_cache_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    """What is read from it decides where money goes."""
    mine = tmp_path / "mine"
    assert list(tables.trusted(mine)) == [mine]
    assert stat.S_IMODE(mine.stat().st_mode) == 0o700
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert list(tables.trusted(shared)) == []
    (tmp_path / "file").write_text("")
    assert list(tables.trusted(tmp_path / "file" / "below")) == []


def test_the_cache_is_read_back_and_a_broken_one_is_made_anew(tmp_path: Path) -> None:
    """An old one goes, and a place that cannot be written does no harm."""
    (tmp_path / "grammar-old.json").write_text("{}")
    first = json.loads(json.dumps(tables.load([tmp_path])))
    (kept,) = tmp_path.glob("grammar-*.json")
    assert tables.load([tmp_path]) == first
    kept.write_text('{"starts": ')
    again = tables.load([tmp_path])
    assert again["starts"].keys() == set(tables.STARTS)
    assert tables.load([tmp_path]) == json.loads(json.dumps(again))
    assert tables.load([tmp_path / "missing"])["starts"].keys() == set(tables.STARTS)
    assert tables.load([])["starts"].keys() == set(tables.STARTS)


def test_a_text_that_no_rule_reads_is_an_error_of_the_loop() -> None:
    """The loop says so; `parse` turns it into silence."""
    with pytest.raises(NotReadError):
        Engine(tables.make("public: A\ndirect: A\nA: /a/\nSPACE: / /\n%ignore SPACE"), {}).read(
            "b", "public"
        )
    with pytest.raises(NotReadError):
        Engine(tables.make("public: A A\ndirect: A\nA: /a/\nSPACE: / /\n%ignore SPACE"), {}).read(
            "a", "public"
        )


EVERY: Final = "".join(map(chr, range(0x110000)))
"""Unicode's characters, all of them."""


def _characters(kind: str) -> set[str]:
    return set(re.findall(f"[{kind}]", EVERY))


def test_the_classes_of_characters_are_unicode_s() -> None:
    """Signs of currencies, and what turns into a figure under NFKC."""
    signs = {one for one in EVERY if unicodedata.category(one) == "Sc"}
    assert _characters(characters.FOREIGN_SIGN) >= signs - {"€"}
    assert "€" not in _characters(characters.FOREIGN_SIGN)
    odd = {
        one
        for one in EVERY[0x80:]
        if unicodedata.decomposition(one)
        and not "\uff01" <= one <= "\uff5e"
        and re.search("[0-9]", unicodedata.normalize("NFKC", one))
    }
    assert _characters(characters.ODD_DIGIT) == odd


def test_no_kind_of_character_is_hidden_by_another() -> None:
    """Each kind's characters become its stand-in, and the length stays."""
    for name, (stand_in, kind) in characters.KINDS.items():
        for character in _characters(kind):
            assert characters.shadow(f"é{character}") == f"é{stand_in}", name
    assert parser.parse(normalize.Text("@smoney pay @alice 10\u20bf")) != commands.Nothing()
