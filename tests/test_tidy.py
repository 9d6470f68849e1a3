"""The repository's own rules (DESIGN.md, "Rules"), kept by reading the sources.

Each check lists every offence as `file:line: what to do`, so that a red test says all.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 70
TOP_LEVEL = {
    "CHANGELOG.md",
    "Makefile",
    "Procfile",
    "README.md",
    "benchmarks",
    "bot",
    "docs",
    "grammar",
    "pyproject.toml",
    "requirements",
    "tests",
}

WRITTEN_BY_HAND = frozenset({".py", ".lark", ".html", ".css", ".js", ".sh"})
MADE_BY_TOOLS = ("bot/migrations/versions/", "requirements/", "bot/sandbox/data/", "tests/data/")
LEFT_BY_TOOLS = frozenset({"__pycache__", "build", "dist", "node_modules"})

CLOCK = ("bot/adapters/clock.py",)
HOMES: dict[str, tuple[str, ...]] = {
    "datetime.datetime.now": CLOCK,
    "datetime.datetime.utcnow": (),
    "datetime.datetime.today": (),
    "datetime.date.today": (),
    "time.time": CLOCK,
    "time.time_ns": CLOCK,
    "time.sleep": CLOCK,
    "uuid.uuid1": (),
    "uuid.uuid4": CLOCK,
    "random": (),
    "secrets": CLOCK,
    "os.environ": ("bot/config/",),
    "os.getenv": (),
    "os.urandom": CLOCK,
}
"""Where the outside may be reached; the sandbox is the outside."""

IMPURE = {
    "asyncio",
    "http",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "urllib",
    "uuid",
}

"""What `domain/` may not import of the standard library."""


@cache
def files() -> list[Path]:
    """Return what belongs to the repository, as paths in it."""
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in {".ci", ".env.example"} for part in parts)
        if not hidden and not LEFT_BY_TOOLS & set(parts) and path.is_file():
            found.append(path.relative_to(ROOT))
    return [path for path in found if not re.fullmatch(r"\.pyc|\.db(-\w+)?", path.suffix)]


def sources(*folders: str) -> list[Path]:
    """Return the Python files of some folders."""
    return [path for path in files() if path.suffix == ".py" and path.parts[0] in folders]


@cache
def tree(path: Path) -> ast.Module:
    """Return a Python file, parsed."""
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def lines_that(pattern: str, advice: str, among: Callable[[Path], bool]) -> list[str]:
    """Return the offences of lines that hold a pattern, in the texts among which they count."""
    held = re.compile(pattern)
    offences = []
    for path in files():
        if path.suffix in {".png", ".woff2", ".ico", ".gz"} or not among(path):
            continue
        text = (ROOT / path).read_text()
        if held.search(text):
            lines = enumerate(text.splitlines(), 1)
            offences += [
                f"{path}:{number}: {advice}" for number, line in lines if held.search(line)
            ]
    return offences


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the full name of whatever a file imports, or reaches through what it imported."""
    known: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            first, _, rest = dotted.partition(".")
            if first in known:
                yield node.lineno, f"{known[first]}.{rest}"


def is_in_bot(path: Path) -> bool:
    """Whether a file is the bot's own, not the far side's."""
    return path.parts[0] == "bot" and path.parts[:2] != ("bot", "sandbox")


def test_the_top_level_is_fixed() -> None:
    """What is not in DESIGN.md's tree has another place."""
    extra = {path.parts[0] for path in files() if not path.parts[0].startswith(".")} - TOP_LEVEL
    assert not extra, f"move these below one of {sorted(TOP_LEVEL)}"


def test_no_file_is_long() -> None:
    """At most 400 lines; what a tool wrote is as long as it is."""
    offences = [
        f"{path}: {count} lines, split it by what its parts do (at most {MOST_LINES_OF_A_FILE})"
        for path in files()
        if path.suffix in WRITTEN_BY_HAND and not str(path).startswith(MADE_BY_TOOLS)
        if (count := len((ROOT / path).read_text().splitlines())) > MOST_LINES_OF_A_FILE
    ]
    assert not offences, "\n".join(["", *offences])


def test_no_function_is_long() -> None:
    """At most 70 lines."""
    offences = [
        f"{path}:{node.lineno}: {node.name} has {count} lines, name its parts"
        for path in sources("bot", "tests", "benchmarks")
        if not str(path).startswith(MADE_BY_TOOLS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (count := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]
    assert not offences, "\n".join(["", *offences])


def test_every_module_says_its_job() -> None:
    """A module's docstring says its one job and what it promises."""
    offences = [
        f"{path}:1: begin with a docstring that says the module's one job"
        for path in sources("bot", "benchmarks")
        if not ast.get_docstring(tree(path))
    ]
    assert not offences, "\n".join(["", *offences])


def test_the_outside_is_reached_in_its_one_home() -> None:
    """Time, chance, sleep and the environment are arguments everywhere else."""
    offences = [
        f"{path}:{line}: take {name} as an argument (its home: {HOMES[held] or 'none'})"
        for path in sources("bot")
        if is_in_bot(path)
        for line, name in names(path)
        for held in HOMES
        if name == held or name.startswith(f"{held}.")
        if not str(path).startswith(HOMES[held] or ("nowhere",))
    ]
    assert not offences, "\n".join(["", *offences])


def test_the_domain_is_pure() -> None:
    """`domain/` imports the standard library's pure parts and itself."""
    offences = [
        f"{path}:{line}: {name} does not belong in the domain"
        for path in sources("bot")
        if path.parts[1] == "domain"
        for line, name in names(path)
        if not name.startswith("bot.domain")
        if name.split(".")[0] not in sys.stdlib_module_names - IMPURE
    ]
    assert not offences, "\n".join(["", *offences])


def test_nothing_is_left_for_later() -> None:
    """Marks of unfinished work are issues, not comments."""
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Error"])
    offences = lines_that(
        rf"\b({marks})\b|# *XX" + "X",
        "finish it, or file an issue",
        lambda path: path.suffix in WRITTEN_BY_HAND and not str(path).startswith(MADE_BY_TOOLS),
    )
    assert not offences, "\n".join(["", *offences])


def test_every_suppression_has_its_reason() -> None:
    """`noqa` and `type: ignore` name their rule, and why it does not hold there."""
    offences = [
        *lines_that(
            r"#\s*noqa(?!: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*\s+\W+\w+ )",
            "write `# noqa: RULE (why it does not hold here)`",
            lambda path: path.suffix == ".py" and path.name != "test_tidy.py",
        ),
        *lines_that(
            r"#\s*type:\s*ignore(?!\[[a-z, -]+\]\s+(# |\()\S+)",
            "write `# type: ignore[rule]  # why`",
            lambda path: path.suffix == ".py" and path.name != "test_tidy.py",
        ),
    ]
    assert not offences, "\n".join(["", *offences])


def test_statuses_change_only_in_the_store() -> None:
    """Elsewhere a status is changed by the store's guarded `advance`."""
    advice = "go through the store's guarded advance"
    offences = []
    for path in sources("bot"):
        if not is_in_bot(path) or path.parts[1] in {"store", "migrations"}:
            continue
        for node in ast.walk(tree(path)):
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr == "status":
                    offences.append(f"{path}:{target.lineno}: {advice}")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "values"
                and any(keyword.arg == "status" for keyword in node.keywords)
            ):
                offences.append(f"{path}:{node.lineno}: {advice}")
    assert not offences, "\n".join(["", *offences])


def test_the_store_never_commits() -> None:
    """A transaction is opened and committed by `Store.write`, and by the migrations."""
    offences = [
        f"{path}:{node.lineno}: leave the commit to `with deps.store.write()`"
        for path in sources("bot")
        if is_in_bot(path)
        and str(path) not in {"bot/store/engine.py", "bot/migrations/__init__.py"}
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert not offences, "\n".join(["", *offences])


def test_every_test_says_what_it_shows() -> None:
    """A test has a sentence beside its name."""
    offences = [
        f"{path}:{node.lineno}: say in a docstring what {node.name} shows"
        for path in sources("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and path.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not offences, "\n".join(["", *offences])


def test_tests_use_fakes_and_no_mocks() -> None:
    """A fake passes the contract tests of what it stands for; a mock passes anything."""
    offences = lines_that(
        r"unittest\.mock|import mock|pytest_mock|\bmocker\b|monkeypatch\.(set|del)(attr|item)",
        "use a fake from tests/fakes",
        lambda path: (
            path.parts[0] == "tests" and path.suffix == ".py" and path.name != "test_tidy.py"
        ),
    )
    assert not offences, "\n".join(["", *offences])


def test_no_test_is_skipped() -> None:
    """A test that cannot run fails and says what is missing."""
    offences = lines_that(
        r"(pytest|unittest|mark)\.(skip|xfail|importorskip|skipif|skipIf|skipUnless|SkipTest)",
        "let it fail with a sentence that says what is missing",
        lambda path: (
            path.parts[0] == "tests" and path.suffix == ".py" and path.name != "test_tidy.py"
        ),
    )
    assert not offences, "\n".join(["", *offences])


def test_no_package_index_is_named() -> None:
    """Where packages come from is the machine's business."""
    hosts = ["py" + "pi.", "python" + "hosted.", "deb." + "debian.", "npm" + "js."]
    pattern = "|".join(re.escape(host) + "(org|com)" for host in hosts)
    offences = lines_that(pattern, "name no package index", lambda _: True)
    assert not offences, "\n".join(["", *offences])


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_what_is_locked_is_locked_by_hash(name: str) -> None:
    """A requirements file holds versions, hashes and comments, no option and no address."""
    text = (ROOT / "requirements" / name).read_text()
    for line in text.splitlines():
        assert re.fullmatch(
            r"[a-z0-9._-]+==[^ ]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| *#.*|", line
        ), f"make lock: requirements/{name} has the line {line!r}"
    packages = re.findall(r"^[a-z0-9._-]+==", text, flags=re.MULTILINE)
    assert len(packages) == len(set(packages))
    assert {"hatchling==", "editables=="} <= set(packages), "they build the project itself"


def test_what_is_declared_is_locked() -> None:
    """A dependency that was added to pyproject.toml is in the lock."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, wanted in (
        ("run.txt", project["dependencies"]),
        ("dev.txt", project["dependencies"] + project["optional-dependencies"]["dev"]),
    ):
        locked = (ROOT / "requirements" / name).read_text()
        for requirement in wanted:
            package = re.split(r"[\[<>=~!; ]", requirement)[0].lower()
            assert re.search(rf"^{re.escape(package)}==", locked, re.MULTILINE), (
                f"make lock: {package} is not in requirements/{name}"
            )


def test_both_locks_hold_the_same_versions() -> None:
    """What is tested is what runs."""
    pattern = re.compile(r"^([a-z0-9._-]+==[^ ]+)", re.MULTILINE)
    run, dev = (
        set(pattern.findall((ROOT / "requirements" / name).read_text()))
        for name in ("run.txt", "dev.txt")
    )
    assert run - dev == set(), "make lock"


def test_no_path_of_a_machine_is_named() -> None:
    """A clone works wherever it lies, and reads no folder beside it."""
    folders = "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers"])
    offences = [
        *lines_that(
            rf"(?<![\w.)}}~-])/({folders})/",
            "name no path of a machine",
            lambda path: not str(path).startswith(MADE_BY_TOOLS),
        ),
        *lines_that(
            r"\.\./sha" + "red",
            "copy what is needed into the repository",
            lambda path: path.suffix in {".py", ".sh", ".toml", ".html"},
        ),
    ]
    assert not offences, "\n".join(["", *offences])


def test_each_test_that_the_threat_model_names_is_there() -> None:
    """What stands against a threat is shown, not said."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    there = {
        name
        for path in sources("tests")
        for name in re.findall(r"^def (test_\w+)", (ROOT / path).read_text(), re.MULTILINE)
    }
    assert len(named) > 40
    assert named <= there, sorted(named - there)
