"""What every clock and every chance does: the system's and the fakes."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.adapters.clock import SystemChance, SystemClock
from bot.domain.order import is_reference
from bot.ports import Chance, Clock
from tests.fakes.clock import START, FakeChance, FakeClock

MANY = 200


@pytest.fixture(params=[SystemClock, FakeClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    """Each of the two."""
    made: Clock = request.param()
    return made


@pytest.fixture(params=[SystemChance, FakeChance])
def chance(request: pytest.FixtureRequest) -> Chance:
    """Each of the two."""
    made: Chance = request.param()
    return made


def test_the_time_is_aware_and_in_utc(clock: Clock) -> None:
    """No naive datetime enters the bot."""
    assert clock.now().tzinfo is UTC
    assert clock.now() <= clock.now()


def test_the_system_clock_tells_the_time() -> None:
    """The present one."""
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_a_token_is_a_secret_of_256_bits_for_an_address(chance: Chance) -> None:
    """43 URL-safe characters, never twice."""
    tokens = {chance.token() for _ in range(MANY)}
    assert len(tokens) == MANY
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_drawn_reference_is_one(chance: Chance) -> None:
    """Of the alphabet, with a letter and a digit, and hardly ever twice."""
    references = {chance.reference() for _ in range(MANY)}
    assert len(references) >= MANY - 1
    assert all(is_reference(reference) for reference in references)


@pytest.mark.parametrize("count", [1, 4, 6, 8])
def test_a_code_has_so_many_digits(chance: Chance, count: int) -> None:
    """Leading zeros and all."""
    codes = [chance.digits(count) for _ in range(MANY)]
    assert all(re.fullmatch(f"[0-9]{{{count}}}", code) for code in codes)
    assert len(set(codes)) > 1


def test_a_uuid_is_32_hexadecimal_digits(chance: Chance) -> None:
    """Never twice: it keys an effect on the outside."""
    keys = {chance.uuid() for _ in range(MANY)}
    assert len(keys) == MANY
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


def test_a_fake_clock_goes_where_it_is_told() -> None:
    """It stands still otherwise."""
    clock = FakeClock()
    assert clock.now() == clock.now() == START
    assert clock.advance(90) == START + timedelta(seconds=90)
    assert clock.advance(hours=2) == clock.now() == START + timedelta(hours=2, seconds=90)
    clock.set(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_fake_chance_comes_out_the_same_each_time() -> None:
    """A red test can be run again."""
    first, second = FakeChance(), FakeChance()
    assert [first.reference(), first.token()] == [second.reference(), second.token()]
