"""What a run is made of: how many, how long, how often something dies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Database = Literal["postgresql", "pooled", "sqlite"]
"""What a run's processes write to: PostgreSQL, the same behind PgBouncer, or a SQLite file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What every run is made of; every random choice begins at `seed`."""

    seed: int
    workers: int
    minutes: float = 60
    """How long people may take at most."""
    ahead: int = 0
    """What people may be ahead of the bot: posts not heard (X's timeline, which closes gaps, holds
    800), events not read, orders not ended."""
    database: Database = "postgresql"
    database_restarts: int = 0
    deaths_at_steps: float = 0.0
    """How often a process kills itself at a step of the registry of crash points (a chance)."""
    catch_up_s: float
    """How long the far side may take at the end to send what it still has, and the workers to read
    it (seconds); what is left then, waits for the leases of the dead."""
    card_timeout_s: float = 2.0
    """How long our side waits for the card network's answer (seconds)."""
    dm_poll_s: int = 60
    """How often a worker polls direct messages (seconds): as X's limits let it."""
    max_pending: int = 1_000_000
    """Transfers that one person may have pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Basis):
    """The figures of the run of money."""

    orders: int
    webs: int
    hands: int
    """Processes in which people do what the pages do for them."""
    threads: int
    """People at work at once in each of these."""
    kill_every_s: float
    """How long the parent waits between two kills, on average (seconds)."""
    faults_a_second: float
    quiet_for_s: float
    """How long people found nothing more to do (seconds) when the run is over."""

    @property
    def people(self) -> int:
        """Payers: few enough that they meet, enough for the limits of 30 days."""
        return max(4, self.orders // 40)

    @property
    def newcomers(self) -> int:
        """Payees without a wallet: money is held for them."""
        return max(12, self.orders // 15)

    @property
    def processes(self) -> int:
        """Processes of the bot that are killed and started again."""
        return self.workers + self.webs + self.hands


def whole(seed: int, orders: int, processes: int, minutes: float) -> Plan:
    """Return the run of money of `make chaos`."""
    workers = max(1, processes * 3 // 8)
    return Plan(
        seed=seed,
        orders=orders,
        workers=workers,
        webs=1,
        hands=max(1, processes - workers - 1),
        threads=3,
        minutes=minutes,
        ahead=300,
        database_restarts=2,
        kill_every_s=4.0,
        deaths_at_steps=max(0.0006, min(0.004, 6 / orders)),
        faults_a_second=2.5,
        quiet_for_s=4.0,
        catch_up_s=60.0,
        card_timeout_s=2.0,
        max_pending=100,
    )


def small(seed: int) -> Plan:
    """Return the run of `make test`: every part of the whole one, in seconds."""
    return Plan(
        seed=seed,
        orders=12,
        workers=1,
        webs=1,
        hands=1,
        threads=3,
        minutes=1.2,
        ahead=12,
        database_restarts=1,
        kill_every_s=3.0,
        deaths_at_steps=0.003,
        faults_a_second=3.0,
        quiet_for_s=0.5,
        catch_up_s=5.0,
        card_timeout_s=1.0,
        max_pending=100,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run is: its folder, the far side's addresses, and the settings of its processes."""

    folder: Path
    x_url: str
    cards_url: str
    settings: Mapping[str, str]

    @property
    def board(self) -> Path:
        """The file that all processes share."""
        return self.folder / "board"
