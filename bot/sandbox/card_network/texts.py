"""What the pages say, in French and in English."""

from typing import Final

from bot.sandbox.card_network.shapes import Obj

TEXTS: Final[dict[str, dict[str, str]]] = {
    "fr": {
        "title": "Paiement par carte",
        "sandbox": "Bac à sable\u00a0: cet argent n'existe pas",
        "number": "Numéro de carte",
        "expiry": "Expiration",
        "cvc": "Cryptogramme",
        "country": "Pays d'émission de la carte",
        "pay": "Payer",
        "back": "Annuler et revenir",
        "continue": "Continuer",
        "cards": "Cartes de test",
        "card_ok": "acceptée",
        "card_3ds": "3-D Secure",
        "card_3ds_once": "3-D Secure une fois",
        "kept": "Ce site garde votre carte pour vos paiements à venir.",
        "card_no": "refusée",
        "card_funds": "sans provision",
        "card_abroad": "britannique",
        "any": "Date future et cryptogramme au choix.",
        "3ds_title": "Votre banque demande une confirmation",
        "3ds_text": "Page 3-D Secure de la banque (de test). Confirmez-vous ce paiement\u00a0?",
        "3ds_succeed": "Confirmer le paiement",
        "3ds_fail": "Refuser",
        "complete_title": "Déjà payé",
        "complete_text": "Ce paiement est fait, rien de plus ne sera débité.",
        "expired_title": "Cette page a expiré",
        "expired_text": "Rien n'a été débité. Revenez au site pour recommencer.",
        "unknown_title": "Page inconnue",
        "unknown_text": "Cette page de paiement n'existe pas.",
        "incorrect_number": "Le numéro de carte n'est pas valable.",
        "invalid_expiry": "La date d'expiration n'est pas valable.",
        "invalid_cvc": "Le cryptogramme n'est pas valable.",
        "declined": "La carte a été refusée. Essayez une autre carte.",
        "insufficient_funds": "La provision de la carte est insuffisante. Essayez une autre carte.",
        "expired_card": "La carte a expiré. Essayez une autre carte.",
        "incorrect_cvc": "Le cryptogramme est faux. Vérifiez-le, ou essayez une autre carte.",
        "processing_error": "La carte n'a pas pu être traitée. Réessayez dans un instant.",
        "test_mode_live_card": "Ici, seules les cartes de test sont prises.",
        "payment_intent_authentication_failure": (
            "La banque n'a pas confirmé le paiement. Essayez une autre carte."
        ),
    },
    "en": {
        "title": "Card payment",
        "sandbox": "Sandbox: this money does not exist",
        "number": "Card number",
        "expiry": "Expiry",
        "cvc": "CVC",
        "country": "Country of issue",
        "pay": "Pay",
        "back": "Cancel and go back",
        "continue": "Continue",
        "cards": "Test cards",
        "card_ok": "succeeds",
        "card_3ds": "3-D Secure",
        "card_3ds_once": "3-D Secure once",
        "kept": "This site keeps your card for future payments.",
        "card_no": "is declined",
        "card_funds": "no funds",
        "card_abroad": "British",
        "any": "Any future date and any CVC will do.",
        "3ds_title": "Your bank asks you to confirm",
        "3ds_text": "The (test) bank's 3-D Secure page: do you confirm this payment?",
        "3ds_succeed": "Confirm the payment",
        "3ds_fail": "Refuse",
        "complete_title": "Already paid",
        "complete_text": "This payment is made; nothing more will be taken.",
        "expired_title": "This page has expired",
        "expired_text": "Nothing was taken. Go back to the site to start again.",
        "unknown_title": "Unknown page",
        "unknown_text": "There is no such payment page.",
        "incorrect_number": "The card number is not valid.",
        "invalid_expiry": "The expiry date is not valid.",
        "invalid_cvc": "The CVC is not valid.",
        "declined": "The card was declined. Try another card.",
        "insufficient_funds": "The card has insufficient funds. Try another card.",
        "expired_card": "The card has expired. Try another card.",
        "incorrect_cvc": "The CVC is wrong. Check it, or try another card.",
        "processing_error": "The card could not be processed. Try again in a moment.",
        "test_mode_live_card": "Only test cards are taken here.",
        "payment_intent_authentication_failure": (
            "The bank did not confirm the payment. Try another card."
        ),
    },
}

COUNTRIES: Final = {
    "FR": "France",
    "BE": "Belgique · Belgium",
    "CA": "Canada",
    "CH": "Suisse · Switzerland",
    "DE": "Deutschland",
    "ES": "España",
    "GB": "United Kingdom",
    "IT": "Italia",
    "JP": "日本 · Japan",
    "LU": "Luxembourg",
    "NL": "Nederland",
    "PT": "Portugal",
    "US": "United States",
}


def pick_language(locale: str | None, accept_language: str) -> str:
    """Choose French or English: the session's locale, else the browser's first language."""
    wanted = accept_language if locale in {None, "auto"} else str(locale)
    return "fr" if wanted.strip().lower().startswith("fr") else "en"


def money(amount_cents: int, lang: str) -> str:
    """Write an amount; a balance may be below zero."""
    euros, cents = divmod(abs(amount_cents), 100)
    sign = "-" if amount_cents < 0 else ""
    if lang == "fr":
        return sign + f"{euros:,}".replace(",", "\u202f") + f",{cents:02d}\u00a0€"
    return f"{sign}€{euros:,}.{cents:02d}"


def problem_of(error: Obj | None, lang: str) -> str | None:
    """Say why the last attempt failed."""
    if not error:
        return None
    texts = TEXTS[lang]
    return texts.get(error.get("decline_code") or "") or texts.get(error["code"], texts["declined"])
