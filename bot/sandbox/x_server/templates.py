"""The local X's pages as Jinja2 templates; whatever they show is escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

TEMPLATES = Environment(
    loader=PackageLoader("bot.sandbox.x_server", "html"),
    autoescape=True,
    undefined=StrictUndefined,
)
