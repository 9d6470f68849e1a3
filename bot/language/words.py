"""The one table of words: verbs, small words, courtesy, currencies and numbers in both languages.

To add a verb or a language, add it here: `terminals()` turns the table into the terminals that the
files in `grammar/` use. This module yields terminals only; every rule stands in `grammar/`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.commands import Lang
from bot.language import characters as ch

Words = Mapping[Lang, tuple[str, ...]]


def _table(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VERBS: Final[Mapping[str, Words]] = {
    "pay": {
        "en": ("pay", "send", "give", "tip", "transfer"),
        "fr": (
            "payer", "paie", "paye", "envoyer", "envoie", "verser", "verse", "donner", "donne",
            "transférer", "transfère", "virer", "vire",
        ),
    },
    "donate": {"en": ("donate",), "fr": ("don",)},
    "request": {
        "en": ("request", "ask"),
        "fr": ("demander", "demande", "réclamer", "réclame"),
    },
    "split": {
        "en": ("split", "share"),
        "fr": ("partager", "partage", "diviser", "divise"),
    },
    "cancel": {"en": ("cancel", "undo"), "fr": ("annuler", "annule")},
    "stop": {"en": ("stop", "unsubscribe"), "fr": ("arrêter", "arrête", "désabonner")},
    "start": {"en": ("start",), "fr": ("reprendre", "reprends")},
    "confirm": {"en": ("yes", "confirm", "ok"), "fr": ("oui", "confirmer", "confirme")},
    "decline": {"en": ("no", "decline", "refuse"), "fr": ("non", "refuser", "refuse")},
    "claim": {
        "en": ("claim", "accept"),
        "fr": ("encaisser", "encaisse", "accepter", "accepte"),
    },
    "balance": {"en": ("balance",), "fr": ("solde",)},
    "history": {"en": ("history",), "fr": ("historique",)},
    "help": {"en": ("help",), "fr": ("aide",)},
}  # fmt: skip
"""Each kind of command and its verbs; `?` asks for help in both languages (`HELP` adds it)."""

SMALL_WORDS: Final[Words] = {
    "en": ("to", "from", "with", "between", "among", "and"),
    "fr": ("à", "a", "de", "du", "avec", "entre", "et"),
}
"""Words that join the parts of a command; `,` and `&` do so in both languages."""

TOWARDS_WORDS: Final[Words] = {"en": ("for",), "fr": ("pour",)}
"""Small words directly before a mention only, as is `:`; elsewhere they begin the note."""

OR_WORDS: Final[Words] = {"en": ("or",), "fr": ("ou",)}
"""Words that offer another number instead of the amount before: they are no small words."""

EACH_WORDS: Final[Words] = {"en": ("each",), "fr": ("chacune", "chacun", "chaque")}
"""Words that make the amount each payee's own."""

COURTESY: Final = (
    "please", "pls", "stp", "svp", "s'il te plaît", "s'il vous plaît", "hey", "hi", "hello",
    "salut", "bonjour", "can you", "could you", "peux-tu", "tu peux", "merci de", "merci",
    "thanks", "thank you", "thx",
)  # fmt: skip
"""What is skipped at the start and at the end of a command."""

EURO_WORDS: Final = ("euros", "euro", "eur")
CENT_WORDS: Final = ("centimes", "centime", "cents", "cent", "c")

FOREIGN_WORDS: Final = (
    "usd", "gbp", "chf", "jpy", "btc", "eth", "dollars", "dollar", "pounds", "pound", "livres",
    "livre", "francs", "franc", "yen", "yuan", "bitcoins", "bitcoin", "sats", "sat", "satoshis",
    "satoshi",
)  # fmt: skip
"""Other currencies by name, in any case."""

FOREIGN_CODES: Final = _table(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP
    BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB
    FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
    MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD
    XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG ZWL
    """
)
"""ISO 4217 codes but EUR, in upper case only: those in use, and the latest that went out of it."""

NUMBER_WORDS: Final = _table(
    """
    un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize
    vingt vingts trente quarante cinquante soixante septante huitante octante nonante cent cents
    mille million millions milliard milliards zéro demi
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred
    hundreds thousand thousands billion billions half
    """
)
"""Numbers in words: the bot reads figures only, and says so."""


def plain(word: str) -> str:
    """Fold a word of the table for look-up: lower case, without accents."""
    return word.lower() if word.isascii() else word.lower().translate(_UNACCENTED)


_UNACCENTED: Final = str.maketrans("àâéèêîôû", "aaeeeiou")


def _languages(tables: Iterable[Words]) -> dict[str, Lang | None]:
    """Map each word to its language; None where both languages have it."""
    found: dict[str, Lang | None] = {}
    for table in tables:
        for lang, words in table.items():
            for word in words:
                known = found.setdefault(plain(word), lang)
                if known != lang:
                    found[plain(word)] = None
    return found


VERB_LANG: Final = _languages(VERBS.values())
"""The language of each verb; None for `refuse`, which is a verb of both."""

SMALL_LANG: Final = _languages([SMALL_WORDS, TOWARDS_WORDS])
"""The language of each small word."""


def pattern(words: Iterable[str]) -> str:
    """Write a regular expression for any of the words, in any case; accents may be left out.

    Case is folded for ASCII alone (`(?ai:…)`): Unicode's folding would read `ſend` as `send`. Words
    are told apart by their first letter as a class of characters, which `re` passes over fast.
    """
    rest: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        first = word[0]
        letters = sorted({first, first.upper(), plain(first), plain(first).upper()})
        rest.setdefault(f"[{''.join(letters)}]", []).append(_spelt(word[1:]))
    return f"(?:{'|'.join(f'{first}(?ai:{_either(tails)})' for first, tails in rest.items())})"


def _either(tails: list[str]) -> str:
    return "|".join(tails)


def _spelt(word: str) -> str:
    """Write one word, with its accents and without, any hyphen, and spaces for a space."""
    letters = {"-": "[\\-\u2010]", " ": " +"}
    return "".join(
        letters.get(c) or (f"[{c}{c.upper()}{plain(c)}]" if plain(c) != c else re.escape(c))
        for c in word
    )


def _by_first_letter(codes: Iterable[str]) -> str:
    """Write alternatives so that most are passed over by their first letter."""
    rest: dict[str, list[str]] = {}
    for code in codes:
        rest.setdefault(code[0], []).append(code[1:])
    return f"(?:{'|'.join(f'{first}(?:{_either(tails)})' for first, tails in rest.items())})"


def _all(table: Words) -> list[str]:
    return [word for words in table.values() for word in words]


def terminals() -> dict[str, str]:
    """Name the patterns of the table, and the classes of characters, for the grammar's files."""
    joining = f"{pattern(_all(SMALL_WORDS))}{ch.WORD_END}"
    towards = f"{pattern(_all(TOWARDS_WORDS))}{ch.WORD_END}"
    foreign = f"(?:{_by_first_letter(FOREIGN_CODES)}|{pattern(FOREIGN_WORDS)})"
    return {
        **{name: stand_in for name, (stand_in, _) in ch.KINDS.items()},
        "GAP": ch.GAP,
        "BOT": ch.BOT,
        "MINUS": f"\\-{ch.KINDS['MINUS'][0]}",
        "HYPHEN": f"\\-{ch.KINDS['HYPHEN'][0]}",
        "QUOTE": "\"'",
        "WORD_END": ch.WORD_END,
        "SPACES": f"[ {ch.GAP}]*+",
        "JOINING": f"(?:{joining}|,(?![0-9])|&)",
        "TOWARDS": f"(?:{joining}|{towards}|[,&:])",
        "FOR": towards,
        "OTHERWISE": f"{pattern(_all(OR_WORDS))}{ch.WORD_END}",
        "PUNCTUATION": ch.PUNCTUATION,
        "EACH_WORD": f"{pattern(_all(EACH_WORDS))}{ch.WORD_END}",
        "COURTESY_WORD": f"{pattern(COURTESY)}{ch.WORD_END}",
        "EURO_WORD": f"{pattern(EURO_WORDS)}{ch.WORD_END}",
        "EUROS": pattern(("euros", "euro")),
        "EURO_BEFORE": (
            f"(?:€|(?<![^\\W_]){pattern(EURO_WORDS)}(?=[ \u200b]*+[.,]?[0-9\u00b2€$]))"
        ),
        "CENT_WORD": f"{pattern(CENT_WORDS)}{ch.WORD_END}",
        "FOREIGN_WORD": f"{foreign}{ch.WORD_END}",
        "CURRENCY_WORD": (
            f"(?:{_by_first_letter(FOREIGN_CODES)}"
            f"|{pattern((*FOREIGN_WORDS, *EURO_WORDS, *CENT_WORDS))}){ch.WORD_END}"
        ),
        "FOREIGN_BEFORE": (f"(?:[A-Za-z]{{0,3}}[$]|(?<![^\\W_]){foreign}(?= *+[.,]?[0-9€]))"),
        "CURRENCY_NAME": f"{foreign}|{pattern(EURO_WORDS)}",
        "NUMBER_WORD": f"{pattern(NUMBER_WORDS)}(?![\\w@])",
    }


def verbs() -> dict[str, str]:
    """Name the terminal of each kind of command; a verb may carry `#`."""
    named = {
        kind.upper(): f"#?{pattern(_all(table))}{ch.WORD_END}" for kind, table in VERBS.items()
    }
    named["HELP"] += "|#?[?](?![\\w@])"
    return named
