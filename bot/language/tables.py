"""Makes the parser's tables from the files in `grammar/` with Lark, and keeps them in a cache file.

Lark reads the grammar, proves it to be LALR(1) and makes the tables and the contextual lexer's
patterns: most of a second. They are plain data, so they are kept as JSON, which nothing can run,
and only where nobody but this user can write: beside this module's byte code, which is trusted as
much, else in the user's own cache directory. Where neither can be had, they are made each time.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from bot.language import words

if TYPE_CHECKING:
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

FILES: Final = ("money.lark", "people.lark", "commands.lark")
"""In the order in which their terminals build on each other."""

STARTS: Final = ("public", "direct")
"""The rule for a post, and the one for a direct message."""

IGNORED: Final = "SPACE"
"""The terminal between all others."""

KEEP, DROP, SPLICE = 0, 1, 2
"""What becomes of a rule's part: kept, dropped (a `_TERMINAL`), or its parts in its place."""

_ALONE: Final = 2000
"""Characters of a pattern that are worth being compiled by themselves."""

_TERMINAL: Final = re.compile(r"(_?[A-Z_]+)(?:\.[0-9]+)?: /(.*)/")
_REFERENCE: Final = re.compile(r"\{\{([A-Z_]+)\}\}")


Pattern = tuple[list[str], str]
"""Terminals in the order in which they are tried, and one pattern with a group for each."""


class Tables(TypedDict):
    """The parser as plain data.

    `scanners`: what is tried in a state, in order: patterns, with the terminal of each group.
    `states`: the scanner, what each terminal does (a state to go to, or ~rule to reduce by),
    where each rule leads. `rules`: name, number of parts, rule that it is one of, `KEEP`… by part.
    """

    starts: dict[str, int]
    ends: dict[str, int]
    scanners: list[list["Pattern"]]
    states: list[tuple[int, dict[str, int], dict[str, int]]]
    rules: list[tuple[str, int, str, list[int]]]


PACKAGE: Final = Path(__file__).resolve().parent.parent
"""The folder of `bot`."""


def folder(package: Path = PACKAGE) -> Path:
    """Find the grammar's files: `grammar/` of a checkout, or `bot/grammar/` of a wheel."""
    shipped = package / "grammar"
    return shipped if shipped.is_dir() else package.parent / "grammar"


def grammar() -> str:
    """Write out the whole grammar for Lark: the verbs, then the files with each `{{…}}` filled in.

    A reference stands for the pattern of an earlier terminal; nothing else is rewritten.
    """
    known = words.terminals()
    lines = [f"{name}.25: /{pattern}/" for name, pattern in words.verbs().items()]
    for file in FILES:
        for line in (folder() / file).read_text(encoding="utf-8").splitlines():
            if line.startswith("//"):
                continue
            filled = _REFERENCE.sub(lambda found: known[found[1]], line)
            if (terminal := _TERMINAL.fullmatch(filled)) is not None:
                name, pattern = terminal.groups()
                known[name] = f"(?:{pattern})" if "|" in pattern else pattern
            lines.append(filled)
    return "\n".join(lines) + "\n"


def load(places: Iterable[Path] | None = None) -> Tables:
    """Return the tables, from the cache where there is one, else made and put there."""
    places = list(_places() if places is None else places)
    text = grammar()
    makers = (Path(__file__).read_text(encoding="utf-8"), _lark_version(), sys.version)
    key = "\n".join((text, *makers))
    name = f"grammar-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            stored: Tables = json.loads((place / name).read_text(encoding="utf-8"))
            return stored
    tables = make(text)
    for place in places:
        with contextlib.suppress(OSError):
            _save(tables, place / name)
            break
    return tables


def _lark_version() -> str:
    """Find which Lark would make the tables, without importing it."""
    found = importlib.util.find_spec("lark")
    assert found is not None, "lark is a dependency"
    assert found.origin is not None, "lark is a package of files"
    source = Path(found.origin).read_text(encoding="utf-8")
    return next(line for line in source.splitlines() if line.startswith("__version__"))


def make(text: str) -> Tables:
    """Let Lark make the tables of a grammar; a conflict in it is Lark's error."""
    import lark

    parser = lark.Lark(text, parser="lalr", lexer="contextual", start=list(STARTS))
    table = parser.parser.parser._parse_table  # noqa: SLF001  # Lark shows its tables nowhere else
    rules = list({id(rule): rule for rule in _rules(table.states)}.values())
    number = {id(rule): index for index, rule in enumerate(rules)}
    scanners: list[list[Pattern]] = []
    states: list[tuple[int, dict[str, int], dict[str, int]]] = []
    assert sorted(table.states) == list(range(len(table.states))), "states are numbered"
    for state in range(len(table.states)):
        scanner = _scanner(parser.parser.lexer.lexers[state].terminals)
        if scanner not in scanners:
            scanners.append(scanner)
        terminals, leads = {}, {}
        for name, (action, target) in table.states[state].items():
            if action.name != "Shift":
                terminals[name] = ~number[id(target)]
            elif name.isupper():
                terminals[name] = target
            else:
                leads[name] = target
        states.append((scanners.index(scanner), terminals, leads))
    return Tables(
        starts=dict(table.start_states),
        ends=dict(table.end_states),
        scanners=scanners,
        states=states,
        rules=[_rule(rule) for rule in rules],
    )


def _rules(states: dict[int, dict[str, tuple[object, "Rule"]]]) -> "Iterator[Rule]":
    for row in states.values():
        for _, target in row.values():
            if not isinstance(target, int):
                yield target


def _rule(rule: "Rule") -> tuple[str, int, str, list[int]]:
    """Write down one rule: what it builds, and what becomes of each of its parts."""
    modes = [
        (DROP if part.filter_out else KEEP)  # type: ignore[attr-defined]  # terminals have it
        if part.is_term
        else (SPLICE if part.name.startswith("_") else KEEP)
        for part in rule.expansion
    ]
    return (str(rule.alias or rule.origin.name), len(modes), str(rule.origin.name), modes)


def _scanner(terminals: "list[TerminalDef]") -> list[Pattern]:
    """Write down what the contextual lexer tries in one state, in its order.

    Large terminals stand alone, so that they are compiled once for all states, and only when a text
    comes that far: most texts hold no badly written amount.
    """
    patterns: list[Pattern] = []
    size = _ALONE
    for terminal in terminals:
        if terminal.name == IGNORED:
            continue
        regex = f"({terminal.pattern.to_regexp()})"
        if size + len(regex) > _ALONE:
            patterns.append(([str(terminal.name)], regex))
            size = len(regex)
        else:
            names, together = patterns[-1]
            patterns[-1] = ([*names, str(terminal.name)], f"{together}|{regex}")
            size += len(regex)
    return patterns


def _places() -> Iterator[Path]:
    """Yield the directories that may hold the cache: nobody but this user may write to them."""
    if __spec__ is not None and __spec__.cached is not None and not sys.dont_write_bytecode:
        yield from trusted(Path(__spec__.cached).parent)
    with contextlib.suppress(RuntimeError):  # there is no home directory
        yield from trusted(Path.home() / ".cache" / "smoney")


def trusted(directory: Path) -> Iterator[Path]:
    """Yield a directory, made where it is missing, if nobody else can write to it."""
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
        if found.st_uid in (os.getuid(), 0) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield directory


def _save(tables: Tables, file: Path) -> None:
    """Write the tables in one step, so that no reader sees a part of them."""
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, delete=False, encoding="utf-8", suffix=".tmp"
    ) as draft:
        json.dump(tables, draft, ensure_ascii=False, separators=(",", ":"))
    Path(draft.name).replace(file)
    for old in file.parent.glob("grammar-*.json"):
        if old != file:
            old.unlink(missing_ok=True)
