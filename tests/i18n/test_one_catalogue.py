"""One catalogue: what people read stands there alone, not in services, web modules or scripts.

What operators read is English and stands where it is made: the `detail` of a case or a line, what
an error says, what a metric is. Reasons and words of the log are no sentences: they begin small.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import bot

ROOT = Path(bot.__file__).parent
READ_BY_PEOPLE = sorted([*(ROOT / "services").rglob("*.py"), *(ROOT / "web").rglob("*.py")])
SCRIPTS = sorted((ROOT / "web" / "static").glob("*.js"))

SENTENCE = re.compile(r"^\W*[A-ZÀ-Þ]\w*[’'\w]*([ ,]+[^\W\d_][\w’'-]*){2}|^\W*[A-ZÀ-Þ]\w* .*[.!?…]$")
"""Three words of which the first begins large, or some that end as a sentence does."""
FRENCH = re.compile(r"[À-ÖØ-öø-ÿœŒ’«»]")
"""No word of the log and no reason is French."""
ERRORS = re.compile(r"(Error|Rejected|Unavailable|OutcomeUnknown)$")
METRICS = {"Gauge", "Counter", "Histogram"}


def _is_for_operators(node: ast.AST) -> bool:
    """Whether everything below a node is read by operators, or by nobody."""
    match node:
        case ast.Raise() | ast.Assert():
            return True
        case ast.keyword(arg="detail"):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in METRICS or ERRORS.search(name) is not None
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring
    return False


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each text that may be shown to people, with the values of an f-string left out."""
    if _is_for_operators(node):
        return
    if isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.Constant) else "…" for one in node.values]
        yield node.lineno, "".join(str(one) for one in parts)
        for one in node.values:
            if not isinstance(one, ast.Constant):
                yield from _texts(one)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def sentences(source: str) -> list[tuple[int, str]]:
    """Return what in a module's source reads as a sentence to people."""
    return [
        (line, text)
        for line, text in _texts(ast.parse(source))
        if SENTENCE.search(text) or FRENCH.search(text)
    ]


def test_no_sentence_stands_in_a_service_or_a_web_module() -> None:
    """Whoever writes one puts it into a TOML file of `bot/i18n`, in both languages."""
    assert len(READ_BY_PEOPLE) > 80
    offences = [
        f"{path.relative_to(ROOT.parent)}:{line}: move to the catalogue: {text!r}"
        for path in READ_BY_PEOPLE
        for line, text in sentences(path.read_text())
    ]
    assert not offences, "\n".join(["", *offences])


def test_a_script_says_nothing_of_its_own() -> None:
    """What a script shows, the page gave it."""
    for path in SCRIPTS:
        code = re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        said = re.findall(r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`]*)`", code)
        words = [one for some in said for one in some if SENTENCE.search(one) or FRENCH.search(one)]
        assert words == [], path.name


SEEN = (
    ('here.page("x.html", notice="Rien n’a été fait")', True),
    ('say("Nothing was done.")', True),
    ('x = "Try again later"', True),
    ('x = f"You paid {cents} to @{handle}"', True),
    ('x = f"Payé {cents}"', True),
    ('x = "your payment of 10 € is done"', False),
    ('log.info("form_refused", reason="its reader wrote stop")', False),
    ('raise Rejected("bad", "The bank said no to it.")', False),
    ('open_case(detail="Look at it today.")', False),
    ('x = "SELECT"', False),
    ('assert x, "Our own mistake it is"', False),
    ('def f():\n    """Say what it is."""', False),
)
"""What the rule takes for a sentence to people, and what not."""


def test_the_rule_tells_sentences_from_the_rest() -> None:
    """A rule that found nothing would show nothing."""
    for source, is_one in SEEN:
        assert bool(sentences(source)) is is_one, source
