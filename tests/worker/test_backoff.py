"""The waits between two connections are X's."""

from bot.worker.backoff import BackOff


def test_network_errors_wait_a_quarter_of_a_second_more_each_time_up_to_16() -> None:
    """Linear, in steps of 0.25 s."""
    back_off = BackOff()
    waits = [back_off.network() for _ in range(70)]
    assert waits[:4] == [0.25, 0.5, 0.75, 1.0]
    assert waits[-1] == 16.0


def test_http_errors_wait_twice_as_long_each_time_from_5_to_320() -> None:
    """Exponential, from 5 s."""
    back_off = BackOff()
    assert [back_off.http() for _ in range(8)] == [5, 10, 20, 40, 80, 160, 320, 320]


def test_a_limit_without_a_reset_waits_from_a_minute_doubled() -> None:
    """From 60 s, and never longer than the window that it is about."""
    back_off = BackOff()
    assert [back_off.limit() for _ in range(6)] == [60, 120, 240, 480, 960, 960]


def test_a_limit_waits_for_the_reset_that_x_named_as_far_as_clocks_allow() -> None:
    """One that is over by our clock is not believed, nor one beyond X's window."""
    back_off = BackOff()
    assert [back_off.limit(reset_in_s) for reset_in_s in (7.5, 7200)] == [7.5, 960]
    assert [back_off.limit(reset_in_s) for reset_in_s in (0, -300)] == [60, 120]


def test_each_kind_counts_for_itself_and_a_held_connection_begins_anew() -> None:
    """A network error after many HTTP errors waits a quarter of a second."""
    back_off = BackOff()
    for _ in range(5):
        back_off.http()
    assert back_off.network() == 0.25
    back_off.reset()
    assert back_off.http() == 5
    assert back_off.network() == 0.25
