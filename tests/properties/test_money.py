"""The bot's money beside a model of ten lines, for every order in which things can happen."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event

from bot.domain import books
from bot.store import ledger
from bot.store.engine import Store
from tests.properties.ledger_machine import LedgerMachine
from tests.properties.money_rules import PayoutRules
from tests.templates import Templates

pytestmark = pytest.mark.properties

EXAMPLES = max(5, settings().max_examples // 100)
STEPS = 25 if EXAMPLES < 100 else 50


@pytest.fixture
def fresh(templates: Templates, database_folder: Path) -> Iterator[Callable[[], Store]]:
    """Makes a fresh database for each story: one engine, whose statements are compiled once."""
    folder = database_folder / "machine"
    folder.mkdir()
    paths = (folder / f"{number}.db" for number in range(1_000_000))
    path = next(paths)
    store = Store(f"sqlite:///{path}")

    @event.listens_for(store.engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
        arguments[0] = str(path)

    def make() -> Store:
        nonlocal path
        store.close()  # a story that failed at its very end has left its connections to its file
        for file in folder.iterdir():
            file.unlink()
        path = next(paths)
        shutil.copyfile(templates.sqlite, path)
        return store

    yield make
    store.close()
    shutil.rmtree(folder)


def test_a_story_begins_with_nothing_whatever_became_of_the_one_before(
    fresh: Callable[[], Store],
) -> None:
    """Else a failure at a story's end would come again as another, which nothing explains."""
    for _ in range(2):
        store = fresh()
        with store.write() as session:
            assert ledger.balances(session) == []
            ledger.open_accounts(session, [books.BANK])


def _run(machine: Any) -> None:
    """Run a state machine; the package's types want its class, and take what makes one."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
    )


def test_a_batch_is_in_the_books_whole_or_not_at_all(fresh: Callable[[], Store]) -> None:
    """The ledger alone: balances, keys and entries, whatever is recorded twice or contradicted."""
    _run(lambda: LedgerMachine(fresh))


def test_no_cent_is_made_or_lost(fresh: Callable[[], Store]) -> None:
    """Orders, cards, refunds, disputes and payouts, with processes that die and calls that fail."""
    _run(lambda: PayoutRules(fresh))
