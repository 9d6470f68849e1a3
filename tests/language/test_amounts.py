"""LANGUAGE.md, "Amounts", sentence by sentence, with its ambiguous neighbours."""

import re

import pytest

from tests.language.saying import order

WELL_WRITTEN = [
    # The sign before or after, with or without a space.
    ("10€", 1000), ("10 €", 1000), ("10  €", 1000), ("€10", 1000), ("€ 10", 1000), ("10EUR", 1000),
    ("10 eur", 1000), ("10 Eur", 1000), ("EUR 10", 1000), ("EUR10", 1000), ("eur 10", 1000),
    ("10 euros", 1000), ("10euros", 1000), ("euros 10", 1000), ("1 euro", 100), ("EURO 1", 100),
    ("10,50€", 1050), ("10.50 €", 1050), ("€10.50", 1050), ("10€50", 1050), ("10€05", 1005),
    ("10 euros 50", 1050), ("10 euros 05", 1005), ("10 euros 50 centimes", 1050),
    ("10 euros 5 centimes", 1005), ("1 euro 50", 150), ("10€50 centimes", 1050),
    ("10 euros 50 cents", 1050),
    ("50 cents", 50), ("50 centimes", 50), ("50c", 50), ("50 c", 50), ("50centimes", 50),
    ("1 cent", 1), ("150 cents", 150), ("1 250 cents", 1250), ("999999999 cents", 999999999),
    # Decimals: two digits, or one.
    ("10,5€", 1050), ("10.5€", 1050), ("0,01€", 1), ("0.5 €", 50), ("010€", 1000),
    # Thousands.
    ("1 250€", 125000), ("1 250,50 €", 125050), ("1 250.5 €", 125050), ("1.250,50€", 125050),
    ("1,250.50€", 125050), ("1.250,5€", 125050), ("€1,250.50", 125050), ("10 250€", 1025000),
    ("1 250 000,50€", 125000050), ("1 250€50", 125050), ("9 999 999,99 €", 999999999),
    ("9999999.99€", 999999999),
]  # fmt: skip

BADLY_WRITTEN = {
    "ambiguous_amount": [
        # One separator and three digits, two of the same, none before it.
        "1.250€", "1,250€", "€1.250", "1234.567€", "0.500€", "1.250", "1.250.000€",
        "1.250.000,50€", "1,250,000.50€", ".50€", ",50€", "10.€", "10,€", "10,50,20€",
        # A sign on both sides, a space without three digits.
        "€10€", "EUR 10€", "10€ EUR", "€ 10 euros", "10 50€", "1250 000€", "1 2 3€", "12 50€",
        "1 25€", "1 2500€", "1 250 50€", "1  250€",
        # A range, a slash, a bare number directly after.
        "10-20€", "10–20€", "10/20€", "10€ - 20", "10€-20", "10€ -20", "10 - 20€", "10-20",
        "10€/mois", "10€ / mois", "10 / 2€", "10€5", "10€ 50", "10 € 50", "€10 50", "10 50",
        "10€500", "10 euros 5", "10 euros 500", "10€, 50", "10€ and 5", "10€ et 5 !",
        # Letters and other things glued to it.
        # Any figure before the next space, whatever stands between; the same between the figures.
        "10€·50", "10€—20", "10€⁄2", "10€∕2", "10€×3", "10€٫50", '10€"5', "10€)5", "10€]5",
        "10€🍕5", "10€!b2b", "10€🎉1️⃣", "10—20€", "10 — 20€", "10·50€", "10٫50€", "10⁄2€", "10)5€",
        "=10€", "×10€", "10€ — 20", "10€ +5", "10€ × 3", "10€ .50", "10€ ,5",
        # No figure before the separator, and two signs, on the other side too.
        "€.50", "€ .50", "EUR .50", "€,50", "+.50€", "€€10", "€ €10", "EUR€10", "€EUR 10",
        # Cents that are glued to their word.
        "10€50c", "10€50centimes", "10 euros 50c €", "1 250€50c",
        "10k€", "10K€", "10k", "1e3€", "10m€", "10x", "10€s", "10 €uros", "10h", "10€-lunch",
        "10€'s", "10:30€", "10%", "+10€", "~10€", "10+5€", "10keur", "x10€"[1:] + "x",
        # A character that is no figure but looks like one, touching or a space away.
        "10²€", "10 ²€", "² 10€", "½€", "½ €", "½ euro", "10½€", "10 ½ €", "10€ ½", "10€²",
        "EUR ½", "euros ½", "EUR² 10€", "€ ²",
        "①0€", "10①", "€½", "10⒈€", "𝟏0€", "1️⃣0️⃣€", "㏠10€",
        # Invisible characters inside a number.
        "1\u200b0€", "10\u200b€", "€\u200b10", "10,\u200b50€", "10\u2060,50€", "1\u00ad0€",
    ],
    "too_precise": [
        "1.2345€", "1,2345€", "10.0000€", "€1.2345", "1.2345", "1.234,567€", "1 250,5055€",
    ],
    "zero_amount": ["0€", "0,00€", "0.0 €", "€0", "0 euros", "0 cents", "00€", "0", "0€00"],
    "negative_amount": [
        "-10€", "−10€", "–10€", "- 10€", "− 10 €", "-€10", "€-10", "€ -10", "-10", "--10€",
        "-10 euros", "- 10 cents", "-1.250€", "-10k€", "-$10", "-10 USD", "$-10", "-0€",
        "-\u200b10€", "-.50€", "- .50€", "-,50€", "-€.50", "€-.50", "-.50", "- € 10", "-€€10",
    ],
    "unsupported_currency": [
        "$10", "10$", "10 $", "$ 10", "£10", "10£", "10 ¥", "￥10", "10 ¢", "10₿", "10 ₹", "10₽",
        "US$10", "10 US$", "A$ 10", "10 USD", "10USD", "USD 10", "USD10", "10 usd", "10 Usd",
        "10gbp", "10 CHF", "chf 10", "10 SEK", "10 PLN", "10 XOF", "10 btc", "10 ETH", "10 dollars",
        "10 dollar", "10dollars", "10 pounds", "10 livres", "10 francs", "10 yen", "10 yuan",
        "10 bitcoins", "100 sats", "1 satoshi", "dollars 10", "$1,250", "$1.2345", "$0", "10k$",
        "10-20$", "10€$", "10 € US$", "10€ US$", "$10€", "10 € USD", "USD 10€",
        "10€ dollars", "10²$", "½$", "1 250 USD",
        "€$10", "$$10", "$€10", "€€$10", "$.50", "USD .50", "€ USD 10",
        "10,50 dollars", "99999999999$",
    ],
    "amount_too_large": [
        "10000000€", "10 000 000 €", "10.000.000"[:2] + "000000€", "€99999999999999999999",
        "1000000000 cents", "9" * 200 + "€", "10000000", "10 000 000,00 €",
    ],
    "missing_currency": [
        "10", "10,50", "1 250", "10 sek", "10 for lunch", "10 beers", "10 k€", "10!", "10.",
    ],
    "missing_amount": [
        "", "dix euros", "ten euros", "vingt-cinq euros", "vingt et un euros", "two hundred euros",
        "cent euros", "dix €", "ten eur", "fifty cents", "euros", "€", "- 10", "for lunch", "٣€",
        "٣٤ euros", "②",
    ],
    "ambiguous_command": ["10€-20€", "10€ - 20€", "10€ 20€", "10€20€", "10€, 20€", "10€ or 20€",
        "10€ $5", "10 or 20€", "10€ 50 centimes", "10€+5€", "(10€)", '"10€"', "#10€"],
}  # fmt: skip


def misread(said: str, *errors: str) -> list[str]:
    """Return the texts in which badly written amounts are not the errors that they are.

    `said`: the command, with AMOUNT for the amount; one test for many, which are done in no time.
    """
    found = []
    for error in errors:
        for written in BADLY_WRITTEN[error]:
            text = said.replace("AMOUNT", written)
            if (read := order(text)) != f"error {error}":
                found.append(f"{text!r}: {read}, not {error}")
    return found


def test_a_well_written_amount_is_read() -> None:
    """In every notation, before the payee and after."""
    for written, cents in WELL_WRITTEN:
        assert order(f"pay @alice {written}") == f"pay @alice {cents}"
        assert order(f"pay {written} @alice") == f"pay @alice {cents}"
        assert order(f"{written} @alice for lunch") == f"pay @alice {cents} 'lunch'"


def test_a_badly_written_amount_is_an_error() -> None:
    """Of several errors the first in the specified order."""
    assert misread("pay @alice AMOUNT", *BADLY_WRITTEN) == []


@pytest.mark.parametrize(
    "error", ["ambiguous_amount", "too_precise", "zero_amount", "unsupported_currency"]
)
def test_a_badly_written_amount_before_the_payee_is_an_error_too(error: str) -> None:
    """The place of the amount changes nothing, nor does it without a verb."""
    for written in BADLY_WRITTEN[error]:
        if "€" not in written and "$" not in written:
            continue
        if any(part in written for part in ("and", "et", ", ", " / ")) or written[0] in ".,":
            continue  # Between an amount and a mention, small words have another meaning.
        assert order(f"pay {written} @alice") == f"error {error}", written
        assert order(f"{written} @alice") == f"error {error}", written


def test_a_small_word_before_a_badly_written_amount_changes_nothing() -> None:
    """It joins to what is an amount, however it is written."""
    errors = BADLY_WRITTEN.keys() - {"ambiguous_command", "missing_amount"}
    assert misread("pay @alice to AMOUNT", *errors) == []
    assert misread("pay @alice, and AMOUNT", *errors) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pay @alice 10€, 2 beers", "pay @alice 1000 '2 beers'"),
        ("pay @alice 10€ 2 beers", "error ambiguous_amount"),
        ("pay 10€ @alice 2 beers", "pay @alice 1000 '2 beers'"),
        ("pay @alice 10€ for 2 beers", "pay @alice 1000 '2 beers'"),
        ("pay @alice 10€, for 2", "pay @alice 1000 '2'"),
        ("pay 10€@alice", "error ambiguous_amount"),
        ("pay @alice€10", "error ambiguous_amount"),
        ("pay @alice,10€", "error ambiguous_amount"),
        ("pay @alice, 10€", "pay @alice 1000"),
        ("pay @alice² 10€", "error ambiguous_amount"),
        ("pay @alice 10€ for ② beers", "pay @alice 1000 '② beers'"),
        ("pay @alice 10€ 🎉", "pay @alice 1000 '🎉'"),
        ("pay @alice 10€🎉", "pay @alice 1000 '🎉'"),
        ("pay @alice 10€#resto", "pay @alice 1000 '#resto'"),
        ("pay @alice 10€ pour le livre", "pay @alice 1000 'le livre'"),
        ("pay @alice 1 https://t.co/x 250€", "error ambiguous_command"),
        ("pay @alice 10 https://t.co/x €", "error missing_currency"),
        # Punctuation hides no second number; a word after it makes a note.
        ("pay @alice 10€. 50", "error ambiguous_amount"),
        ("pay @alice 10€ or 20", "error ambiguous_amount"),
        ("pay @alice 10€ ou 20 !", "error ambiguous_amount"),
        ("pay @alice 10€ or 20 beers", "pay @alice 1000 'or 20 beers'"),
        ("pay @alice 10€ orange", "pay @alice 1000 'orange'"),
        # A minus sign a space away, after a small word too.
        ("pay @alice to - 5 €", "error negative_amount"),
        ("pay to − 5€ @alice", "error negative_amount"),
        ("pay @alice, – €5", "error negative_amount"),
        ("pay @alice to - 5", "error missing_amount"),
        ("pay @alice à -dix euros", "error missing_amount"),
        # So many times an amount is another amount.
        ("pay @alice 10€ x2", "error ambiguous_amount"),
        ("pay @alice 10€ X 2", "error ambiguous_amount"),
        ("pay 10€ x 2 @alice", "error ambiguous_command"),
        ("pay @alice 2 x 10€", "error ambiguous_command"),
        ("pay @alice 10€ xoxo", "pay @alice 1000 'xoxo'"),
        ("pay @alice 10€: 50", "error ambiguous_amount"),
        ("pay @alice 10€! 5 thanks", "error ambiguous_amount"),
        ("pay @alice 10€. 2 beers", "pay @alice 1000 '2 beers'"),
        ("pay @alice 10€: 2 beers", "pay @alice 1000 '2 beers'"),
        ("pay @alice 10€ (2 beers)", "pay @alice 1000 '(2 beers)'"),
        ("pay @alice 10€ <3", "pay @alice 1000 '<3'"),
        ("pay @alice 10€ #top5", "pay @alice 1000 '#top5'"),
        ("pay @alice 10€#top5", "pay @alice 1000 '#top5'"),
        ("pay @alice 10€#5", "error ambiguous_amount"),
        ("pay @alice 10€ — lunch", "pay @alice 1000 '— lunch'"),
        # Cents after a word are cents only where no other word follows.
        ("pay @alice 10 euros 99 red balloons", "error ambiguous_amount"),
        ("pay 10 euros 99 red balloons @alice", "error ambiguous_command"),
        ("pay @alice 10 euros 50 for lunch", "pay @alice 1050 'lunch'"),
        ("pay @alice 10 euros 50 #resto", "pay @alice 1050 '#resto'"),
        ("pay @alice 10 euros 50 each", "pay @alice 1050 each"),
        ("pay @alice 10 euros 50!", "pay @alice 1050"),
        ("pay @alice 10 euros 50 merci", "pay @alice 1050"),
        ("pay @alice 10-€", "error ambiguous_amount"),
        ("pay 10 euros 50 to @alice", "pay @alice 1050"),
        ("pay 10 euros 50 pour @alice", "pay @alice 1050"),
        ("10 euros 50 à @alice", "pay @alice 1050"),
        ("pay @alice 10 euros 50c", "error ambiguous_amount"),
        ("pay @alice 10€50 red balloons", "pay @alice 1050 'red balloons'"),
        # Letters before it, after a verb; without one it is no amount.
        ("pay @alice x10€", "error ambiguous_amount"),
        ("pay x10€ @alice", "error ambiguous_amount"),
        ("x10€ @alice", "nothing"),
        ("pay @alice covid19 10€", "error ambiguous_command"),
        # What is no figure in a note is none of the amount's.
        ("pay @alice 10€ for 5²", "pay @alice 1000 '5²'"),
        ("pay @alice 10€ ² beers", "error ambiguous_amount"),
        # What names a currency in a note, or in another word, is no amount without its figure.
        ("pay @alice 10€ for the euro 2 of us", "error ambiguous_command"),
        ("pay @alice 10€ for dollars, 2 of us", "pay @alice 1000 'dollars, 2 of us'"),
        ("pay @alice 10€ for Bengali 20", "pay @alice 1000 'Bengali 20'"),
        ("pay @alice 10€ at 8pm, c u", "pay @alice 1000 'at 8pm, c u'"),
        # The bot's own handle and a link are dropped, and hide no second figure.
        ("pay @alice 10€ @smoney 50", "error ambiguous_amount"),
        ("pay @alice 10€ @smoney x2", "error ambiguous_amount"),
        ("pay @alice 10€ @smoney or 20", "error ambiguous_amount"),
        ("pay @alice 10€ https://t.co/abc 50", "error ambiguous_amount"),
        ("pay @alice 10€ https://t.co/abc /mois", "error ambiguous_amount"),
        ("@alice 10€ @smoney for lunch", "pay @alice 1000 'lunch'"),
        ("@alice 10€ @smoney #resto", "pay @alice 1000 '#resto'"),
        ("dix euros @alice", "error missing_amount"),
        ("pay zéro euro to @alice", "error missing_amount"),
        ("pay un million d’euros to @alice", "error missing_amount"),
        ("euros @alice", "nothing"),
    ],
)
def test_what_stands_beside_an_amount_decides(text: str, expected: str) -> None:
    """A number, a letter or a sign nearby is never swallowed."""
    assert order(text) == expected


def test_another_amount_in_the_note_is_seen_however_it_is_written() -> None:
    """With a figure and a currency, well or badly: none of the two is paid."""
    written = [one for one, _cents in WELL_WRITTEN]
    written += [one for texts in BADLY_WRITTEN.values() for one in texts]
    currency = "[€$₹]|(?ai:eur|usd|dollar|cent|c$)"
    both = re.compile(f"[0-9²①].*(?:{currency})|(?:{currency}).*[0-9²①]")
    seen = [one for one in written if both.search(one)]
    for one in seen:
        for said in (f"pay @alice 10€ lunch or {one}", f"10€ @alice for lunch or {one}"):
            assert order(said) == "error ambiguous_command", said
        assert order(f"send my friend @alice {one}") == "error ambiguous_command", one
    assert len(seen) > 100


def test_no_character_hides_a_second_figure() -> None:
    """Whatever stands between an amount and a figure, the amount is not paid without it."""
    for code in (*range(0x21, 0x3100), *range(0xFF00, 0xFFF0), *range(0x1F000, 0x1FB00)):
        if chr(code) not in "0123456789" and not 0xFF10 <= code <= 0xFF19 and chr(code).strip():
            said = order(f"pay @alice 10€{chr(code)}5")
            assert said in ("error ambiguous_amount", "error ambiguous_command"), hex(code)
