"""What the issue promises of the grammar: one home for rules, ranks, and one reading."""

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import ClassVar

import lark
import pytest

from bot.domain import commands
from bot.domain.commands import ErrorCode
from bot.language import Text, characters, engine, normalize, parse, parser, tables, words
from tests.language.test_grammar import TEXTS

ROOT = Path(tables.__file__).parents[2]
FILES = "\n".join((tables.folder() / name).read_text("utf-8") for name in tables.FILES)
RULES = set(re.findall(r"^(_?[a-z][a-z_]*):", FILES, re.MULTILINE))
TERMINALS = set(re.findall(r"^(_?[A-Z][A-Z_]*)(?:\.[0-9]+)?:", FILES, re.MULTILINE))

MORE = [
    "pay @alice 10€ for lunch", "@alice 10€ for lunch", "pay @alice 10€ or 5€ @bob",
    "pay @alice 10€ each month", "@alice 10€ #a", "@alice 10€ #a @b", "@alice 10€ !", "don 5€ @a",
    "pay @alice 10€, please", "pay for @b 10€", "pay @smoney 10€", "cancel #4F7K2Q", "yes 4F7K2Q",
    "stop it", "pay 10€ or 5€", "@alice 10€ for", "pay x10€ @a", "pay 10 please", "pay euros",
    "please pay dix euros", "pay @alice 10€ @bob", "pay @alice 10 @bob", "pay 10€ and 5€",
]  # fmt: skip
COMMANDS = [
    addressed.command
    for text in (*TEXTS, *MORE)
    if (addressed := normalize.address(Text(f"@smoney {text}"))) is not None
]
"""What the grammar is given of the texts of the other tables."""

STRUCTURE = {"said", "person", "people"}
"""Nodes that are no command: the whole, and the list of people."""
IN_DOUBT = {"perhaps_ambiguous"}
"""An error or nothing, by who was addressed."""
OF_VALUES = {
    ErrorCode.ZERO_AMOUNT,
    ErrorCode.AMOUNT_TOO_LARGE,
    ErrorCode.MISSING_CURRENCY,
    ErrorCode.MISSING_PAYEE,
    ErrorCode.AMBIGUOUS_TOTAL,
}
"""Errors that a well-formed tree has: its figures, or how many people it names."""


@pytest.fixture(scope="module")
def by_lark() -> lark.Lark:
    """Lark's own parser of the same grammar."""
    return lark.Lark(tables.grammar(), parser="lalr", lexer="contextual", start=list(tables.STARTS))


def test_every_rule_and_terminal_stands_in_a_file_of_the_grammar(by_lark: lark.Lark) -> None:
    """None is added in Python, save the verbs, which are words of the table."""
    rules = {rule.origin.name for rule in by_lark.rules if not rule.origin.name.startswith("__")}
    assert rules == RULES
    assert {terminal.name for terminal in by_lark.terminals} <= TERMINALS | set(words.verbs())
    assert not set(words.verbs()) & TERMINALS


def test_no_rule_is_made_in_python() -> None:
    """No string is one, and what is made of the table of words goes to the grammar alone."""
    rule = re.compile(r"^\??_?[a-z_]+ *: *[A-Za-z_(\[?]+.*(\||->)", re.MULTILINE)
    assert rule.search("people: person\n    | people person -> more\nfoo: BAR | BAZ -> x")
    for path in (ROOT / "bot" / "language").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not rule.search(node.value), path.name
        made = {"words.terminals", "words.verbs", "words.pattern"}
        used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert path.name == "tables.py" or not made & used, path.name


@pytest.mark.parametrize("module", ["parser.py", "reading.py", "engine.py"])
def test_what_reads_a_tree_matches_no_words(module: str) -> None:
    """Its regular expressions tell figures, letters and spaces apart, and nothing else."""
    tree = ast.parse((ROOT / "bot" / "language" / module).read_text("utf-8"))
    known = set("[](){}?:+*^$\\| \u2028") | set("dWw_09") | {"-"}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if ast.unparse(call.func).startswith("re."):
            held = {
                character
                for node in ast.walk(call)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                for character in node.value
            }
            assert held <= known, ast.unparse(call)


def test_the_tree_s_nodes_are_named_for_the_classes_that_they_become(by_lark: lark.Lark) -> None:
    """Every command has a rule of its name, every error a rule, a terminal or a value."""
    names = {str(rule.alias or rule.origin.name) for rule in by_lark.rules}
    nodes = {name for name in names if not name.startswith("_") and name not in tables.STARTS}
    kinds = {kind.__name__.lower() for kind in commands.Command.__args__} - {"misread"}
    errors = {error.value for error in ErrorCode} & nodes
    assert nodes == kinds | errors | STRUCTURE | IN_DOUBT
    assert set(parser._BUILDERS) == nodes
    terminals = {terminal.name.lower() for terminal in by_lark.terminals}
    assert {error.value for error in ErrorCode} <= nodes | terminals | {
        "ambiguous_command",
        "invalid_handle",
        *OF_VALUES,
    }


@pytest.mark.parametrize(
    "kind", [k for k in commands.Command.__args__ if k is not commands.Misread]
)
def test_a_node_becomes_an_instance_of_its_class(kind: type) -> None:
    """Each from a text of its own verb."""
    name = kind.__name__.lower()
    verb = words.VERBS[name]["en"][0] if name in words.VERBS else "hello"
    after = {"confirm": "4F7K2Q", **dict.fromkeys(("pay", "donate", "request", "split"), "@a 1€")}
    assert type(parse(Text(f"@smoney {verb} {after.get(name, '')}"))) is kind


@cache
def _alone(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Noting(engine.Engine):
    """An engine that notes where each token was looked for, in which state, and what was found."""

    found: ClassVar[list[tuple[str, int, engine._State, engine.Token]]] = []

    @staticmethod
    def _scan(text: str, position: int, state: engine._State) -> engine.Token:
        token = engine.Engine._scan(text, position, state)
        Noting.found.append((text, position, state, token))
        return token


@pytest.fixture(scope="module")
def noting() -> Noting:
    """One, of the grammar's own tables."""
    return Noting(tables.load(), parser._BUILDERS)


def scanned(
    noting: Noting, command: str, start: str
) -> list[tuple[str, int, engine._State, engine.Token]]:
    """Return what is noted of one command."""
    noting.found.clear()
    noting.read(command, start)
    return noting.found


@pytest.mark.parametrize("start", tables.STARTS)
def test_no_order_of_rules_decides(by_lark: lark.Lark, noting: Noting, start: str) -> None:
    """LALR(1) has no conflicts, and of the terminals that match at a place one ranks above all."""
    ranks = {t.name: (t.priority, t.pattern.to_regexp()) for t in by_lark.terminals}
    seen = set()
    for command in COMMANDS:
        for said, position, state, token in scanned(noting, command, start):
            here = len(said) - len(said[position:].lstrip(f" {characters.GAP}"))
            matching = [
                name
                for name in state.actions
                if name != engine.END and _alone(ranks[name][1]).match(said, here)
            ]
            best = max(ranks[name][0] for name in matching)
            assert [n for n in matching if ranks[n][0] == best] == [token.type], (said, here)
            seen.add(token.type)
    aside = {"CODE", "COURTESY_TO_THE_END", "REFERENCE"}  # by the kind of text
    assert seen | aside >= {name for name in ranks if name != tables.IGNORED}


def test_every_python_reads_the_same(by_lark: lark.Lark) -> None:
    """No repeat of a group is possessive: Python 3.11.0 to 3.11.4 match it wrong (gh-106052).

    `(?>(?:...)+)` means the same and is right on all of them.
    """
    group_repeated = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+")
    assert group_repeated.search("(?:a|bc)++"), "it finds one"
    patterns = {one.name: one.pattern.to_regexp() for one in by_lark.terminals}
    assert [name for name, pattern in patterns.items() if group_repeated.search(pattern)] == []


@pytest.mark.parametrize("start", tables.STARTS)
def test_nothing_is_read_twice(noting: Noting, start: str) -> None:
    """Each token begins where the one before it ended, and each is scanned once."""
    for command in COMMANDS:
        end = 0
        for said, position, _, token in scanned(noting, command, start):
            assert position == end
            assert not said[position : token.start].strip(f" {characters.GAP}")
            assert token.end > token.start
            end = token.end


def test_a_text_is_given_to_the_grammar_once() -> None:
    """Whatever comes of it."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is engine.Engine.read.__code__

    for text in TEXTS:
        calls, known = 0, sys.getprofile()
        sys.setprofile(count)
        try:
            parse(Text(f"@smoney {text}"))
        finally:
            sys.setprofile(known)
        assert calls == 1, text


def test_a_verb_is_added_in_one_place(tmp_path: Path) -> None:
    """A copy of the bot whose table of words has one more is a bot that understands it."""
    for part in ("bot/language", "bot/domain", "grammar"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bot" / "__init__.py").write_text("")
    table = tmp_path / "bot" / "language" / "words.py"
    source = table.read_text("utf-8")
    assert source.count('"virer", "vire",') == 1
    table.write_text(source.replace('"virer", "vire",', '"virer", "vire", "filer", "dépanne",'))
    asked = "; ".join(
        f"print(parse(Text('@smoney {text}')))"
        for text in ("filer 10€ à @alice", "#DEPANNE @bob 5€", "dépanné @bob 5€")
    )
    done = subprocess.run(
        [sys.executable, "-c", f"from bot.language import Text, parse; {asked}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    expected = [
        commands.Pay(("alice",), 1000, each=False, note=None, lang="fr"),
        commands.Pay(("bob",), 500, each=False, note=None, lang="fr"),
        commands.Nothing(),
    ]
    assert done.stdout.splitlines() == [str(command) for command in expected]
