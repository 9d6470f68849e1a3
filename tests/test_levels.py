"""What each level may do: the shipped table, an operator's own, and the rules that read it."""

from dataclasses import astuple, replace
from datetime import date
from pathlib import Path

import pytest

from bot.config import Needs, SettingsError, load
from bot.config.levels import SHIPPED
from bot.domain import declared, levels
from bot.domain.errors import Refusal
from bot.domain.levels import Rights

RIGHTS = Rights(
    pay_cents=100, pay_30_days_cents=250, receive_cents=100, hold_cents=500, pay_out_cents=300
)
NOTHING = replace(RIGHTS, pay_cents=0, pay_out_cents=0)


def test_the_shipped_table_of_levels_permits_nothing_to_who_is_not_declared() -> None:
    """And to the others what the settings' own ceilings permit."""
    policy = load(Needs.DATABASE, {"ENVIRONMENT": "sandbox"}).policy
    assert set(astuple(policy.rights("unverified"))) == {0}
    for level in ("declared", "verified"):
        rights = policy.rights(level)
        assert rights.pay_cents >= policy.to_organisation_cents
        assert rights.hold_cents == policy.in_wallet_cents


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[verified]", "[known]", "whose line 26 is wrong: known is no level"),
        ("pay_cents = 50000", "pay_cents = 50.5", "whose line 20 is wrong: pay_cents must be"),
        ("hold_cents = 0 ", "hold = 0 ", "whose line 16 is wrong: hold is no column"),
        ("pay_out_cents = 0 ", "#", "whose line 12 is wrong: [unverified] says no pay_out_cents"),
        ("[declared]", "[declared", "that is no TOML: "),
    ],
)
def test_an_operators_own_table_is_read_or_its_wrong_line_named(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    """A lawyer changes figures, and is told where they slipped."""
    text = SHIPPED.read_text("utf-8")
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(text.replace("receive_cents = 50000", "receive_cents = 7"), "utf-8")
    bad.write_text(text.replace(old, new, 1), "utf-8")
    given = {"ENVIRONMENT": "sandbox", "LEVELS_FILE": str(good)}
    assert load(Needs.DATABASE, given).policy.rights("declared").receive_cents == 7
    with pytest.raises(SettingsError) as caught:
        load(Needs.FIGURES, given | {"LEVELS_FILE": str(bad)})
    (said,) = caught.value.sentences
    assert said.startswith("LEVELS_FILE names a table ")
    assert why in said


@pytest.mark.parametrize(
    ("rights", "largest", "paid", "total", "refused"),
    [
        (RIGHTS, 100, 0, 100, None),
        (RIGHTS, 100, 50, 200, None),
        (RIGHTS, 101, 0, 101, "refusal.above_level"),
        (RIGHTS, 100, 51, 200, "refusal.above_level"),
        (NOTHING, 1, 0, 1, "refusal.not_declared"),
    ],
)
def test_what_a_level_may_pay(
    rights: Rights, largest: int, paid: int, total: int, refused: str | None
) -> None:
    """In one transfer, and in 30 days."""
    why = None
    try:
        levels.check_pay(rights, largest, paid_30_days_cents=paid, total_cents=total)
    except Refusal as refusal:
        why = refusal.reply.key
    assert why == refused


@pytest.mark.parametrize(
    ("rights", "cents", "refused"),
    [
        (RIGHTS, 300, None),
        (RIGHTS, 301, "refusal.above_level"),
        (NOTHING, 1, "refusal.not_declared"),
    ],
)
def test_what_a_level_may_pay_out(rights: Rights, cents: int, refused: str | None) -> None:
    """At once."""
    why = None
    try:
        levels.check_pay_out(rights, cents)
    except Refusal as refusal:
        why = refusal.reply.key
    assert why == refused


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("493817", None),
        ("270936", None),
        ("12345", "code_not_read"),
        ("1234567", "code_not_read"),
        ("", "code_not_read"),
        ("000000", "code_regular"),
        ("123456", "code_regular"),
        ("789012", "code_regular"),
        ("654321", "code_regular"),
        ("246802", "code_regular"),
        ("121212", "code_regular"),
        ("123123", "code_regular"),
        ("123321", "code_regular"),
        ("112233", "code_regular"),
        ("575755", "code_regular"),
        ("030290", "code_personal"),
        ("020390", "code_personal"),
        ("900203", "code_personal"),
        ("199002", "code_personal"),
        ("345678", "code_regular"),
        ("614925", "code_personal"),
    ],
)
def test_a_code_that_a_thief_tries_first_is_refused(code: str, refused: str | None) -> None:
    """Rows, repetitions, the date of birth in any order, figures of the phone number."""
    why = None
    try:
        declared.check_code(code, born=date(1990, 2, 3), phone="+33761492580")
    except Refusal as refusal:
        why = refusal.reply.key.removeprefix("refusal.")
    assert why == refused


@pytest.mark.parametrize(
    ("born", "refused"),
    [
        ("25/11/2008", None),
        ("26/11/2008", "under_age"),
        ("29 2 2000", None),
        ("1990-02-03", None),
        ("31/02/1990", "birth_date_not_read"),
        ("03/02/90", "birth_date_not_read"),
        ("01/01/1899", "birth_date_not_read"),
        ("26/11/2030", "birth_date_not_read"),
        ("٠٣/٠٢/١٩٩٠", "birth_date_not_read"),
        ("", "birth_date_not_read"),
    ],
)
def test_only_adults_have_a_wallet(born: str, refused: str | None) -> None:
    """From their eighteenth birthday on."""
    why = None
    try:
        today = date(2026, 11, 25)
        if not declared.is_adult(declared.check_birth_date(born, today), today):
            why = "under_age"
    except Refusal as refusal:
        why = refusal.reply.key.removeprefix("refusal.")
    assert why == refused
