"""Test control takes the contract's own words, and the names that JSON is written with."""

import pytest

from bot.sandbox.card_network.faults import REQUEST_FAULTS, WEBHOOK_FAULTS
from bot.sandbox.card_network.faults import Fault as CardFault
from bot.sandbox.x_server import faults as x_faults
from bot.sandbox.x_server.limits import InvalidLimits, Limits
from tests.sandbox.card_world import card_world
from tests.sandbox.x_kit import Clock, LocalX

CARD_WORDS = {
    "time-out after success": "timeout_after_success",
    "409": "409",
    "429": "429",
    "500": "500",
    "webhook twice": "webhook_twice",
    "webhook late": "webhook_late",
    "late": "webhook_late",
    "out of order": "webhook_out_of_order",
    "never": "webhook_never",
    "Timeout-After-Success": "timeout_after_success",
}
"""CONTRACT.md, "The card network"."""
X_WORDS = {
    "disconnect": "disconnect",
    "stall": "stall",
    "duplicate": "duplicate",
    "reorder": "reorder",
    "429": "429",
    "5xx": "5xx",
    "time-out after success": "time_out_after_success",
    "timeout_after_success": "time_out_after_success",
    "no mention ids": "no_mention_ids",
}
"""CONTRACT.md, "The local X"."""


@pytest.mark.parametrize(("words", "name"), CARD_WORDS.items())
def test_the_card_networks_faults_are_read_in_words(words: str, name: str) -> None:
    """And last as long as under their JSON names."""
    assert CardFault.read({"fault": words}) == CardFault.read({"fault": name})
    assert CardFault.read({"fault": name}).fault == name


@pytest.mark.parametrize(("words", "name"), X_WORDS.items())
def test_the_local_xs_faults_are_read_in_words(words: str, name: str) -> None:
    """And last as long as under their JSON names."""
    assert x_faults.read({"fault": words}) == x_faults.read({"fault": name})
    assert x_faults.read({"fault": words}).kind == name


def test_every_fault_is_still_read_by_its_own_name() -> None:
    """None is taken for another."""
    for name in REQUEST_FAULTS | WEBHOOK_FAULTS:
        assert CardFault.read({"fault": name}).fault == name
    for name in x_faults.KINDS:
        assert x_faults.read({"fault": name}).kind == name


@pytest.mark.parametrize("words", ["", "webhook", "twice never", "time-out", None, 7])
def test_other_words_are_no_fault(words: object) -> None:
    """Half a name is none."""
    with pytest.raises(ValueError, match="Faults:"):
        CardFault.read({"fault": words})
    with pytest.raises(x_faults.InvalidFault):
        x_faults.read({"fault": words})


def test_the_clocks_speed_has_two_names() -> None:
    """The contract's and the one that is shown."""
    for name in ("speed", "clock_speed", "clock speed"):
        limits = Limits(Clock())
        limits.configure({name: 60})
        assert limits.describe()["clock_speed"] == 60
    with pytest.raises(InvalidLimits):
        Limits(Clock()).configure({"clock": 60})


def test_both_servers_take_the_words_over_http() -> None:
    """As an outside test sends them."""
    with LocalX() as x:
        x.control("faults", {"fault": "time-out after success", "path": "/2/tweets"})
        assert x.control("faults")[0]["kind"] == "time_out_after_success"
        assert x.control("limits", {"speed": 15})["clock_speed"] == 15
    with card_world() as cards:
        waiting = cards.control("faults", [{"fault": "webhook twice"}, {"fault": "out of order"}])
        assert [one["fault"] for one in waiting] == ["webhook_twice", "webhook_out_of_order"]
