"""What the tests of edited posts begin with."""

from tests.world import World


def posted(world: World, text: str = "@smoney pay @alice 10€", author: str = "bob") -> str:
    """Let somebody post and be answered; return the post's id."""
    post_id = world.take_post(author, text)
    world.react()
    return post_id


def live(world: World, reference: str) -> list[tuple[int, int, str]]:
    """Return number, amount and status of what an order's last version asks for."""
    rows = world.transfers(reference)
    return [(row.number, row.amount_cents, row.status) for row in rows if row.status != "cancelled"]
