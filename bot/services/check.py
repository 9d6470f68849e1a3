"""The books prove themselves: every rule of the ledger, checked by statements over all of it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlmodel import Session

from bot.domain import books
from bot.services.deps import Deps
from bot.store import ledger, proofs
from bot.store.engine import Store
from bot.store.sets import STREAMED, Statement

Rules = tuple[tuple[str, Statement], ...]
"""Each a sentence for a row that breaks it, and the query that finds such rows."""
Answers = dict[str, list[Any]]
"""The rows that break rules, by their sentences."""

FEW: Final = 10_000
"""Postings up to which all rules are asked in one trip: where trips take longer than reading."""
SHARED_FROM: Final = 1_000_000
"""Postings from which on two connections share the work on PostgreSQL: it takes a second of many,
and of few it costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found; `problems` are sentences that name the entry, account or transfer."""

    balanced: bool
    entries: int
    postings: int
    accounts: int
    problems: list[str]


def check_books(deps: Deps) -> Report:
    """Prove the books."""
    return prove(deps.store)


def prove(
    store: Store,
    *,
    rules: Rules = proofs.RULES,
    shared_from: int = SHARED_FROM,
    at_a_time: int = STREAMED,
) -> Report:
    """Prove the books of a database, all in one state of it, in memory that does not grow.

    With fewer `rules` less is said about what is odd, but that it is. `at_a_time`: legs in memory.
    """
    with store.read() as session, ThreadPoolExecutor(1) as pool:
        store.hold_still(session)
        store.read_all(session)
        entries, postings, accounts = ledger.counts(session)
        asked = None
        if postings >= shared_from and not store.is_sqlite:
            asked = pool.submit(_ask_apart, store, store.state_of(session), rules)
        few = postings < min(FEW, shared_from)
        problems = list(
            _problems(
                session, rules, asked, few=few, at_a_time=at_a_time, is_sqlite=store.is_sqlite
            )
        )
    return Report(not problems, entries, postings, accounts, problems)


def _ask_apart(store: Store, state: str, rules: Rules) -> Answers:
    """Ask on a connection of their own what nothing has to be known for."""
    with store.read() as session:
        store.hold_still(session, state=state)
        store.read_all(session)
        return {
            sentence: query.run(session)
            for sentence, query in rules
            if not query.lists and not query.values
        }


def _problems(
    session: Session,
    rules: Rules,
    asked: Future[Answers] | None,
    *,
    few: bool,
    at_a_time: int,
    is_sqlite: bool,
) -> Iterator[str]:
    odd = [row.key for row in proofs.ODD.run(session)]
    if is_sqlite:
        odd += [row.key for row in proofs.UNWRITTEN.run(session)]
    doubted = _doubted([key for key in odd if key is not None])
    wrong = bool(odd)
    named = set()
    answers = asked.result() if asked is not None else {}
    if few and not wrong and not proofs.BROKEN.run(session, **doubted, doubted=int(is_sqlite)):
        rules = ()
    for sentence, query in rules:
        rows = answers.get(sentence)
        if rows is None:
            rows = query.run(session, **doubted, doubted=int(wrong or is_sqlite))
        for row in rows:
            wrong = True
            named.add(row[0])
            yield sentence.format(*row)
    for key in _broken_hashes(session, doubted, at_a_time):
        named.add(key)
        yield f"entry {key} is not as it was written: its postings have another hash"
    for key in dict.fromkeys(odd):
        if key is not None and key not in named:  # so that nothing odd ever passes for balanced
            yield f"entry {key} is odd: its transfer or top-up asks for another"


BIGINT_MOST: Final = 2**63 - 1
"""The largest id that there can be, as PostgreSQL's bigint: a forged key may hold a larger number,
which it would not take as one to look for."""


def _doubted(keys: list[str]) -> dict[str, Any]:
    """Return what the rules are asked about beside what is few: keys, and the facts behind them."""
    facts = [key.split(":") for key in keys]
    return {
        "keys": keys,
        "transfers": [
            int(parts[1]) for parts in facts if parts[0] == "transfer" and _is_id(parts[1])
        ],
        "topups": [parts[1] for parts in facts if parts[0] == "topup"],
    }


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= BIGINT_MOST


def _broken_hashes(session: Session, doubted: dict[str, Any], at_a_time: int) -> Iterator[str]:
    """Return the keys of entries whose postings are no longer those that were written."""
    rows = proofs.LEGS.stream(session, at_a_time=at_a_time, **doubted)
    for (key, written), legs in groupby(rows, lambda row: (row.key, row.hash)):
        if books.hash_of((leg.name, leg.amount_cents) for leg in legs) != written:
            yield key


def balances(deps: Deps) -> list[tuple[str, int]]:
    """Return every account with its balance in cents, as it is shown."""
    with deps.store.read() as session:
        return ledger.balances(session)
