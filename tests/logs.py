"""How the tests log where none of them says how: as structlog does, but with a plain traceback.

import-linter brings rich, whose tracebacks with every local variable take two seconds each.
"""

import logging

import structlog


def log_plainly() -> None:
    """Configure structlog for a test that has not done so itself."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a server's thread may outlive its test
    structlog.reset_defaults()
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
