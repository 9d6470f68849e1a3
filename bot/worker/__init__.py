"""The worker: hears X, reads the inbox, answers, and does the jobs, until it is told to end.

It outlives X and the database: while either is down it says so and tries again. It ends by itself
only where a person has to mend something, with a sentence that says what.
"""

from bot.worker.work import Worker

__all__ = ["Worker"]
