"""Where the outside is written to, a step of the registry stands right behind the call."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

ONLY_READ: Final = {
    "Clock": {"now"},
    "Chance": {"token", "reference", "digits", "uuid"},
    "Memory": {"recall", "keep"},
    "Decoder": {"post", "message"},
    "EventHooks": {"answer", "verify", "keep"},
    "MentionStream": {"listen", "close"},
    "MentionReader": {"mentions", "deleted"},
    "MessageReader": {"page"},
    "Publisher": {"replies_to", "messages_to"},
    "Directory": {"me", "by_handle", "by_id", "bot", "know", "keys"},
    "SignIn": {"authorize_url", "identify"},
    "Checkout": {"read"},
    "Payments": {"read"},
    "Reversals": {"dispute", "refund"},
    "Acquirer": {"paid_out", "lines"},
    "Webhooks": {"verify", "decode"},
    "BankFiles": {"render", "read"},
}
"""Methods of ports that change nothing outside which a crash could double; every other writes."""

STEP_ELSEWHERE: Final = {
    "deliver._send": "`_try`, its one caller, says MESSAGE_SENT",
    "settle._charged": "`_use_saved_card`, its one caller, says CHARGED",
    "demo._fill": "the sandbox's alone: a card that is kept twice there costs nothing",
}
"""Functions that write to the outside and announce nothing, each with its reason."""


@cache
def parsed(path: str) -> ast.Module:
    """Return a file of the bot, parsed."""
    return ast.parse((ROOT / "bot" / path).read_text())


def writing() -> dict[str, set[str]]:
    """Return what writes to the outside, by the ports' Protocols."""
    methods = {
        node.name: {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        for node in parsed("ports.py").body
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
    }
    assert set(ONLY_READ) <= set(methods), "a port has another name"
    for name, read in ONLY_READ.items():
        assert read <= methods[name], f"a method of {name} has another name"
    return {name: found - ONLY_READ.get(name, set()) for name, found in methods.items()}


@cache
def ports_of_deps() -> dict[str, str]:
    """Return the Protocol of each port, by its name in `Deps`: `deps.sms` is an `SmsSender`."""
    (deps,) = (
        node
        for node in parsed("services/deps.py").body
        if isinstance(node, ast.ClassDef) and node.name == "Deps"
    )
    return {
        f"deps.{ast.unparse(node.target)}": ast.unparse(node.annotation)
        for node in deps.body
        if isinstance(node, ast.AnnAssign)
    }


def calls(function: ast.FunctionDef) -> Iterator[tuple[int, str, str]]:
    """Yield what a function calls: line, on what, which method."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, ast.unparse(node.func.value), node.func.attr


def writes(function: ast.FunctionDef, methods: dict[str, set[str]]) -> list[tuple[int, str]]:
    """Return where a function writes to the outside: the line, and the port's Protocol."""
    given = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    typed = {one.arg: ast.unparse(one.annotation) for one in given if one.annotation is not None}
    ports = ports_of_deps() | typed
    return [
        (line, ports[on])
        for line, on, name in calls(function)
        if on in ports and name in methods.get(ports[on], ())
    ]


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function of the services, with its name in full."""
    for path in sorted((ROOT / "bot" / "services").glob("*.py")):
        for node in ast.walk(parsed(f"services/{path.name}")):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.stem}.{node.name}", node


def goes_on_without(function: ast.FunctionDef, methods: dict[str, set[str]]) -> bool:
    """Whether a function writes to the outside, and then to the database or on with no step."""
    marks = {("deps", "step"): "step", ("deps.store", "write"): "commit"}
    after = sorted(
        (line, marks[on, name]) for line, on, name in calls(function) if (on, name) in marks
    )
    next_ones = [
        next((what for line, what in after if line > called), "end")
        for called, _port in writes(function, methods)
    ]
    return any(what != "step" for what in next_ones)


def test_what_writes_to_the_outside_announces_a_step_behind_the_call() -> None:
    """Else nobody could try what a process costs that dies right there.

    A new method of a port counts as one that writes, until it is listed as one that only reads.
    """
    methods = writing()
    found = {name for name, function in functions() if goes_on_without(function, methods)}
    assert found - set(STEP_ELSEWHERE) == set(), "say `deps.step(Step.…)` once the call is made"
    assert set(STEP_ELSEWHERE) - found == set(), "these exceptions are needed no more"


def test_every_port_that_writes_is_seen_to() -> None:
    """A check that finds no call at all would be green as well."""
    methods = writing()
    seen = {port for _name, function in functions() for _line, port in writes(function, methods)}
    assert seen == {port for port, names in methods.items() if names}
