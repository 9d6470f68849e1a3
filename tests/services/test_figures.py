"""`balance` and `history`: figures by direct message alone, and only where that is switched on."""

import pytest

from bot.services import wallet
from tests.world import PUBLIC_URL, World, wordings

WALLET = f"{PUBLIC_URL}/wallet"


def spent_and_got(world: World) -> None:
    """Let bob pay, be paid, and order what comes to nothing."""
    world.join("bob", cents=9000, by_dm=True)
    world.join("alice", cents=5000)
    world.confirm("bob", world.order("bob", "alice", "10€"))
    world.confirm("alice", world.order("alice", "bob", "2.50€"))
    world.confirm("bob", world.order("bob", "carol", "4€"))
    asked = world.order("bob", "dave", "7€", kind="request")
    world.dm("dave", f"no {asked}")
    world.dm("bob", f"cancel {world.order('bob', 'alice', '8€')}")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "history",
            (
                "What happened last:\n"
                "23\u00a0Nov · €8 · @alice · Cancelled, nothing left\n"
                "23\u00a0Nov · €7 · @dave · Request declined\n"
                "23\u00a0Nov · −€4 · @carol · Paid, not received yet\n"
                "23\u00a0Nov · +€2.50 · @alice · Received\n"
                "23\u00a0Nov · −€10 · @alice · Paid\n"
                f"All the rest: {WALLET}"
            ),
        ),
        (
            "historique",
            (
                "Vos dernières opérations\u00a0:\n"
                "23\u00a0nov. · 8\u00a0€ · @alice · Annulé, rien n’est parti\n"
                "23\u00a0nov. · 7\u00a0€ · @dave · Demande refusée\n"
                "23\u00a0nov. · −4\u00a0€ · @carol · Payé, pas encore reçu\n"
                "23\u00a0nov. · +2,50\u00a0€ · @alice · Reçu\n"
                "23\u00a0nov. · −10\u00a0€ · @alice · Payé\n"
                f"Toutes les autres\u00a0: {WALLET}"
            ),
        ),
    ],
)
def test_history_by_dm_is_the_last_five_lines(world: World, word: str, said: str) -> None:
    """Date, amount with its sign where money moved, the other's handle, status; then the wallet."""
    spent_and_got(world)
    assert world.dm("bob", word) == [said]


def test_history_is_short_however_much_happened(world: World) -> None:
    """The newest five; the oldest is left to the wallet."""
    world.join("bob", cents=9000, by_dm=True)
    world.join("alice")
    for cents in range(1, 8):
        world.confirm("bob", world.order("bob", "alice", f"{cents}€"))
    (said,) = world.dm("bob", "history")
    amounts = [line.split(" · ")[1] for line in said.splitlines() if " · " in line]
    assert amounts == ["−€7", "−€6", "−€5", "−€4", "−€3"]


def test_history_of_who_did_nothing_says_so(world: World) -> None:
    """With the way to the wallet."""
    world.join("bob", by_dm=True)
    assert world.dm("bob", "historique") == [
        f"Il ne s’est encore rien passé. Votre portefeuille\u00a0: {WALLET}"
    ]


def test_what_another_has_only_ordered_is_not_ones_history(world: World) -> None:
    """A payee learns of money once it moves, here as everywhere."""
    world.join("alice", by_dm=True)
    reference = world.order("bob", "alice", "10€")
    world.dm("bob", f"cancel {reference}")
    assert world.dm("alice", "history") == [f"Nothing has happened yet. Your wallet: {WALLET}"]


def test_balance_by_dm_is_the_wallets(world: World) -> None:
    """In the reader's language."""
    spent_and_got(world)
    assert world.dm("bob", "balance") == [f"There is €78.50 in your wallet. The details: {WALLET}"]
    assert world.dm("bob", "solde")[0].startswith("Il y a 78,50\u00a0€ dans")


@pytest.mark.parametrize("what", ["balance", "history"])
def test_figures_are_switched_on_and_off_in_the_wallet(world: World, what: str) -> None:
    """By confirmation by direct message; where it is off, the answer says where it is switched."""
    spent_and_got(world)
    assert "€" in world.dm("bob", what)[0]
    wallet.switch_dm(world.deps, world.visitor("bob"), on=False)
    (said,) = world.dm("bob", what)
    assert said in wordings(f"wallet.{what}.off", url=WALLET)
    assert "€" not in said


@pytest.mark.parametrize("what", ["balance", "history"])
def test_in_public_nobody_reads_a_figure(world: World, what: str) -> None:
    """Not even where figures go out by direct message: look at your wallet, with the link."""
    spent_and_got(world)
    said = world.post("bob", f"@smoney {what}")
    assert said is not None
    link = next(word for word in said.split() if word.startswith(WALLET))
    assert said in wordings(f"wallet.{what}", url=link)
    assert "€" not in said
    assert "@" not in said


@pytest.mark.parametrize("what", ["balance", "history"])
def test_who_has_no_wallet_is_shown_the_way_to_one(world: World, what: str) -> None:
    """There is nothing to switch on yet."""
    (said,) = world.dm("carol", what)
    assert said in wordings(f"wallet.{what}", url=WALLET)
