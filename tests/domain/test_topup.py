"""The state machine of a top-up, as a table."""

import pytest

from bot.domain.topup import UNFINISHED, TopupStatus, may_go

S = TopupStatus
ALLOWED = {
    (S.CREATED, S.AUTHORIZED),
    (S.CREATED, S.CAPTURED),
    (S.CREATED, S.DECLINED),
    (S.CREATED, S.EXPIRED),
    (S.AUTHORIZED, S.CAPTURED),
    (S.AUTHORIZED, S.VOIDED),
    (S.CAPTURED, S.DISPUTED),
    (S.CAPTURED, S.REFUNDED),
    (S.DISPUTED, S.CAPTURED),
    (S.DISPUTED, S.REFUNDED),
    (S.REFUNDED, S.CAPTURED),
    (S.REFUNDED, S.DISPUTED),
}


@pytest.mark.parametrize("old", list(S))
@pytest.mark.parametrize("new", list(S))
def test_a_top_up_moves_only_as_the_design_says(old: S, new: S) -> None:
    """Each of the 64 pairs is in DESIGN.md's sentence, in ADR 18, or impossible."""
    assert may_go(old, new) == ((old, new) in ALLOWED)


def test_the_driver_has_work_exactly_before_the_money_is_there_or_will_never_be() -> None:
    """Created and authorized are unfinished; everything else has its end or its money."""
    assert set(UNFINISHED) == {S.CREATED, S.AUTHORIZED}
