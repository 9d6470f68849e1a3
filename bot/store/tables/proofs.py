"""How somebody proves who they are: browsers, codes, texts, consents, and what was typed so far."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from bot.domain.sca import Purpose
from bot.store.types import BigId, UtcDateTime, check


class WebSession(SQLModel, table=True):
    """A browser that signed in with X, or without, by phone and wallet code.

    Its cookie's token is kept as a hash only.
    """

    __tablename__: ClassVar[str] = "web_session"
    __table_args__ = (
        CheckConstraint("(x_user_id IS NULL) <> (person_id IS NULL)", name="ck_web_session_whose"),
    )

    token_hash: str = Field(primary_key=True, max_length=64)
    x_user_id: str | None = Field(
        default=None, foreign_key="x_account.x_user_id", max_length=32, index=True
    )
    person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigId)
    """Of who entered without X; else the person is looked up behind the account, each time."""
    csrf: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class OpenedBrowser(SQLModel, table=True):
    """A browser in which two factors opened a person's wallet (RTS 2018/389, art. 10).

    Its cookie's token is kept as a hash only. Several persons may have opened theirs in one.
    """

    __tablename__: ClassVar[str] = "opened_browser"

    token_hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(primary_key=True, foreign_key="person.id", index=True, sa_type=BigId)
    opened_at: datetime = Field(sa_type=UtcDateTime)


class SignInAttempt(SQLModel, table=True):
    """A browser on its way to X and back; used once."""

    __tablename__: ClassVar[str] = "sign_in_attempt"

    state_hash: str = Field(primary_key=True, max_length=64)
    browser_hash: str = Field(max_length=64)
    """Of the cookie that the browser which began it holds."""
    verifier: str = Field(max_length=128)
    next_path: str = Field(max_length=2000)
    created_at: datetime = Field(sa_type=UtcDateTime)


class PhoneCode(SQLModel, table=True):
    """A code sent to a phone, kept as a hash, with the failures so far."""

    __tablename__: ClassVar[str] = "phone_code"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    phone: str = Field(max_length=20, index=True)
    code_hash: str = Field(max_length=64)
    failures: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TextMessage(SQLModel, table=True):
    """A text to a phone, written before it is sent: what is counted against every limit."""

    __tablename__: ClassVar[str] = "text_message"
    __table_args__ = (Index("ix_text_message_waiting", "sent_at", "next_attempt_at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    x_user_id: str | None = Field(default=None, max_length=32, index=True)
    """The account that asked for it."""
    person_id: int | None = Field(default=None, index=True, sa_type=BigId)
    """Who asked for a code without an account, or whom a notice is for, which nobody asked for."""
    phone: str = Field(max_length=20, index=True)
    address_hash: str | None = Field(default=None, max_length=64, index=True)
    """Keyed hash of where the browser was that asked for it."""
    text: str | None = Field(default=None, sa_type=Text)
    """Of a notice, which is sent again until it went; a code is nowhere but on its way."""
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Of a notice that waits; None: a code, or over."""
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Challenge(SQLModel, table=True):
    """A strong authentication that was asked for: bound to its terms, for minutes, used once."""

    __tablename__: ClassVar[str] = "challenge"
    __table_args__ = (check("ck_challenge_purpose", "purpose", Purpose),)

    id: str = Field(primary_key=True, max_length=32)
    """Random: it is in the page's address."""
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    x_user_id: str | None = Field(default=None, foreign_key="x_account.x_user_id", max_length=32)
    """The account that began it, and alone may end it; None: the person, without one."""
    purpose: str = Field(max_length=10)
    terms_hash: str = Field(max_length=64)
    facts: str = Field(sa_type=Text)
    """What is shown and then done, as JSON; the hash is over it where no terms have their own."""
    code_hash: str | None = Field(default=None, max_length=64)
    """Keyed hash of the code in the text, over the terms as well."""
    failures: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    basis: str | None = Field(default=None, max_length=16)


class Passkey(SQLModel, table=True):
    """A key in a device that knows its owner; we have its public half."""

    __tablename__: ClassVar[str] = "passkey"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    person_id: int = Field(foreign_key="person.id", index=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32)
    """The account that made it, as which it signs in while that is the person's."""
    credential_id: str = Field(max_length=400, unique=True)
    """Base64url, as the browser names it."""
    public_key: str = Field(sa_type=Text)
    """Base64url of COSE."""
    sign_count: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Consent(SQLModel, table=True):
    """What somebody agreed to, word for word, and when."""

    __tablename__: ClassVar[str] = "consent"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    x_user_id: str = Field(foreign_key="x_account.x_user_id", max_length=32, index=True)
    terms_version: str = Field(max_length=16)
    lang: str = Field(max_length=2)
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)


class FirstTime(SQLModel, table=True):
    """What somebody typed on the way to a wallet, so that neither a reload nor "back" loses it."""

    __tablename__: ClassVar[str] = "first_time"

    x_user_id: str = Field(foreign_key="x_account.x_user_id", primary_key=True, max_length=32)
    phone: str = Field(default="", max_length=40)
    has_consented: bool = False
    first_names: str = Field(default="", max_length=140)
    last_name: str = Field(default="", max_length=140)
    born: str = Field(default="", max_length=40)
    at: datetime = Field(sa_type=UtcDateTime)


class LostEntry(SQLModel, table=True):
    """A browser on its way into a wallet without X: somebody typed a phone and a wallet code.

    There is a row whoever it was and whatever they typed, so that nothing tells them apart.
    """

    __tablename__: ClassVar[str] = "lost_entry"

    browser_hash: str = Field(primary_key=True, max_length=64)
    """Of the cookie that the browser holds meanwhile."""
    person_id: int | None = Field(default=None, foreign_key="person.id", sa_type=BigId)
    """Whose phone and wallet code were typed, both right; None: nobody's, and no text went out."""
    code_hash: str | None = Field(default=None, max_length=64)
    """Keyed hash of the code in the text."""
    failures: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class LostDoor(SQLModel, table=True):
    """Wrong tries to enter a person's wallet without X, which whoever knows a number can make.

    Counted apart, so that a stranger closes this door at most, and never the codes of its owner.
    """

    __tablename__: ClassVar[str] = "lost_door"

    person_id: int = Field(primary_key=True, foreign_key="person.id", sa_type=BigId)
    failures: int = 0
    """Since the last right one (RTS 2018/389 art. 4 (3) (b))."""
    locks: int = 0
    """How often in a row `failures` was full."""
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
