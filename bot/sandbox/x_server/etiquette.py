"""X's rules for automated accounts: what it refuses of an app, and what it holds against it.

Refusals raise; violations are noted and the post goes through. People who post by hand, through
test control, are never judged.
"""

from __future__ import annotations

from datetime import timedelta

from bot.sandbox.x_server import problems
from bot.sandbox.x_server.model import Post, User
from bot.sandbox.x_server.weighted import INVALID_CHARACTERS, limit
from bot.sandbox.x_server.world import World

DUPLICATE_WITHIN = timedelta(minutes=15)  # "in short order": one window of the rate limit
LONGEST_DM = 10_000  # characters: X's limit for a direct message


def check_post(
    world: World, author: User, typed: str, parent_id: str | None, quoted_id: str | None
) -> tuple[Post | None, Post | None]:
    """The posts answered and quoted; raises X's refusal of a post that it would not take."""
    parent = _reachable(world, author, parent_id, "reply to") if parent_id else None
    quoted = _reachable(world, author, quoted_id, "quote") if quoted_id else None
    if parent is not None and not _summoned(world, author, parent):
        world.objected(
            "reply_without_summons",
            "The author of the post neither mentioned nor quoted the app's account.",
            refused=True,
            in_reply_to=parent.id,
        )
        raise problems.forbidden(
            "Reply to this conversation is not allowed because you have not been mentioned "
            "or otherwise engaged by the author of the post you are replying to."
        )
    _check_text(world, author, typed)
    return parent, quoted


def _reachable(world: World, author: User, post_id: str, verb: str) -> Post:
    post = world.post(post_id)
    if post is None or not (world.visible(post) or post.author_id == author.id):
        raise problems.forbidden(
            f"You attempted to {verb} a Tweet that is deleted or not visible to you."
        )
    return post


def _summoned(world: World, author: User, parent: Post) -> bool:
    if parent.author_id == author.id or parent.mentions_user(author.id):
        return True
    quoted = parent.reference("quoted")
    post = world.posts.get(quoted) if quoted else None
    return post is not None and post.author_id == author.id


def _check_text(world: World, author: User, typed: str) -> None:
    if not typed.strip():
        raise problems.invalid("Text, media or a poll is required.", parameter="text", value=typed)
    if INVALID_CHARACTERS.search(typed):
        raise problems.invalid("Your Tweet text holds invalid characters.", parameter="text")
    weight = world.composer.weigh(typed)
    if weight > limit():
        world.objected("too_long", f"The text weighs {weight}.", refused=True)
        raise problems.invalid(
            "Your Tweet text is too long. For more information on how Twitter determines text "
            "length see https://github.com/twitter/twitter-text.",
            parameter="text",
        )
    same = world.newest_of(author, typed)
    if same is not None and same.created_at >= world.now() - DUPLICATE_WITHIN:
        world.objected("duplicate_text", "The same text again.", refused=True, post_id=same.id)
        raise problems.forbidden("You are not allowed to create a Tweet with duplicate content.")


def judge_post(world: World, author: User, post: Post) -> None:
    """Note what X would hold against a post that went through."""
    parent_id = post.reference("replied_to")
    parent = world.posts.get(parent_id) if parent_id else None
    if parent is not None and parent.author_id != author.id:
        earlier = _earlier_replies(world, author, post, parent)
        if earlier:
            world.objected(
                "second_reply",
                f"The app had answered that post before, with {earlier[0].id}.",
                refused=False,
                post_id=post.id,
                in_reply_to=parent.id,
            )
    addressee = parent.author_id if parent else None
    notified = [
        one.username for one in post.full.mentions if one.user_id not in {addressee, author.id}
    ]
    if notified:
        world.objected(
            "unsolicited_mention",
            f"The post notifies {', '.join('@' + name for name in notified)}.",
            refused=False,
            post_id=post.id,
        )


def _earlier_replies(world: World, author: User, post: Post, parent: Post) -> list[Post]:
    # An edited post is the same interaction: answering its versions one by one is answering twice.
    return [
        other
        for version in parent.edit_ids
        for other in world.replies.get(version, [])
        if other.author_id == author.id and other.id not in post.edit_ids
    ]


def check_dm(world: World, sender: User, recipient: User) -> None:
    """Raise X's refusal of a message to somebody who never wrote first."""
    if recipient.suspended or not world.has_written(recipient, world.pair(sender, recipient)):
        world.objected(
            "unsolicited_dm",
            f"@{recipient.username} never wrote to @{sender.username}.",
            refused=True,
            to=recipient.id,
        )
        raise problems.forbidden("You do not have permission to DM one or more participants.")
