"""What has to hold after X's weather: one reply each, orders as commanded, books, no objection.

Each check returns sentences; none means that it holds. What people said is known from the crowd,
what the bot answered from the local X, what it did from its database.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from bot.services.check import prove
from bot.store.queue import WHY
from tests.chaos.house import House
from tests.chaos.mentions import Crowd
from tests.chaos.messages import Writers
from tests.chaos.proof import few


def problems(house: House, crowd: Crowd) -> Iterator[str]:
    """Yield whatever does not hold once everything has come to rest."""
    yield from prove(house.deps.store).problems
    answers = replies(house)
    owed = {one for one, said in crowd.said.items() if said.sort.is_answered}
    yield from few(
        [f"post {one} was owed a reply and has none" for one in sorted(owed - answers.keys())]
    )
    yield from few(
        [f"post {one} has a reply that nobody owed it" for one in sorted(answers.keys() - owed)]
    )
    yield from once(house, crowd, answers)
    yield from _nothing_waits(house)


def once(house: House, crowd: Crowd, answers: Counter[str]) -> Iterator[str]:
    """Yield what was said or done twice, or otherwise than commanded, or against X's rules."""
    yield from few([f"post {one} has {n} replies" for one, n in answers.items() if n > 1])
    yield from _orders(house, crowd)
    objections = Counter(f"{one['kind']}: {one['detail']}" for one in house.x.violations())
    yield from few([f"X objects, {n} times: {what}" for what, n in objections.most_common()])


def replies(house: House) -> Counter[str]:
    """Count the bot's replies on X, by the post that they answer."""
    bot = house.deps.directory.me().id
    return Counter(
        parent["id"]
        for post in house.x.posts()
        if post["author_id"] == bot
        for parent in post.get("referenced_tweets", [])
    )


def _orders(house: House, crowd: Crowd) -> Iterator[str]:
    """Every command is one order of its amount, and nothing else is one."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in house.figures(
        "SELECT o.source_id, COALESCE(sum(t.amount_cents), 0) AS cents FROM orders o "
        "LEFT JOIN transfer t ON t.order_id = o.id WHERE o.source = 'post' GROUP BY o.id"
    ):
        found[row.source_id].append(int(row.cents))
    wanted = {one: [said.cents] for one, said in crowd.said.items() if said.sort.is_order}
    yield from few(
        [
            f"post {one} made orders of {found.get(one)} cents, and commanded {wanted.get(one)}"
            for one in sorted(found.keys() | wanted.keys())
            if found.get(one) != wanted.get(one)
        ]
    )


def problems_of_messages(house: House, writers: Writers) -> Iterator[str]:
    """Yield what does not hold of those who wrote direct messages.

    Each of their messages has its one answer, each order is one of its amount, and what was
    confirmed, and that alone, has moved.
    """
    if writers.unsaid():
        yield f"{writers.unsaid()} orders and confirmations were never written: nobody was told"
    orders: dict[str, list[Any]] = defaultdict(list)
    for row in house.figures(
        "SELECT o.source_id, o.reference, t.amount_cents, t.status FROM orders o "
        "LEFT JOIN transfer t ON t.order_id = o.id WHERE o.source = 'dm'"
    ):
        orders[row.source_id].append(row)
    told = _messages(house)
    for one in writers.everybody:
        made = orders.pop(one.order_id, [])
        if [row.amount_cents for row in made] != [one.cents]:
            yield f"{one.name} ordered {one.cents} cents, and has {made}"
            continue
        (order,) = made
        if (order.status in ("posted", "held")) != bool(one.reference):
            yield f"the order of {one.name} is {order.status}, confirmed: {bool(one.reference)}"
        about = Counter(order.reference in text for text in told.pop(one.x_user_id, []))
        wanted = Counter({True: 1 + bool(one.reference), False: int(one.asks_first)})
        if about != wanted:
            yield f"{one.name} has messages about their order or not {about}, and is owed {wanted}"
    yield from few([f"message {one} made an order that nobody gave" for one in orders])
    yield from few([f"{one} has messages that nobody owed them: {told[one]}" for one in told])


def _messages(house: House) -> dict[str, list[str]]:
    """Return the bot's direct messages on X, by whom they were written to."""
    bot = house.deps.directory.me().id
    told: dict[str, list[str]] = defaultdict(list)
    for one in house.x.messages():
        if one["sender_id"] == bot:
            (reader,) = set(one["participant_ids"]) - {bot}
            told[reader].append(one["text"])
    return told


def _nothing_waits(house: House) -> Iterator[str]:
    for table, ends in (("inbox", "'done', 'ignored'"), ("outbox", "'sent'")):
        yield from (
            f"{row.n} rows of {table} are {row.status}"
            for row in house.figures(
                f"SELECT status, count(*) AS n FROM {table} WHERE status NOT IN ({ends}) "
                "GROUP BY status"
            )
        )


def problems_at_xs_limits(house: House, crowd: Crowd) -> Iterator[str]:
    """Yield what does not hold where X takes fewer answers than are owed.

    Whatever asked for something that works has its answer; what was dropped is counted, and is a
    hint or help.
    """
    yield from prove(house.deps.store).problems
    answers = replies(house)
    dropped = {
        row.to_post_id: row
        for row in house.figures("SELECT * FROM outbox WHERE status = 'dropped'")
    }
    for post_id, said in crowd.said.items():
        if said.sort.is_answered and not answers[post_id] and post_id not in dropped:
            yield f"post {post_id} has no answer, and none that was dropped"
        if answers[post_id] and post_id in dropped:
            yield f"post {post_id} has an answer, and one that was dropped"
        if post_id in dropped and not said.sort.is_hint:
            yield f"the answer to {said.sort.name} was dropped: {dropped[post_id].reason}"
    unheard = [row.reason for row in dropped.values() if row.reason not in WHY]
    yield from few(
        [f"an answer was dropped for no reason that is counted: {one}" for one in unheard]
    )
    if not dropped:
        yield "nothing was dropped: the run was too small for X's limits"
    yield from once(house, crowd, answers)
