"""The settings, from the environment and `.env`: this is the only reader of either.

`load(needs)` returns what a door of the program uses, or raises one `SettingsError` with a sentence
for each setting that is missing, misread or contradicted, all at once. Each door asks only for what
it uses: what it does not need may be empty, or wrong. No sentence and no `repr` shows a value that
could be a secret. In production it refuses what belongs to a sandbox.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.config.checks import Needs, is_used, objections
from bot.config.settings import VARIABLES, Settings

__all__ = ["VARIABLES", "Needs", "Settings", "SettingsError", "load"]


class SettingsError(Exception):
    """Settings that cannot be worked with; `sentences` says each, naming its variable."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class _Given(Settings):
    """Settings from a mapping alone, whatever the environment and `.env` hold."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the base class asks for it)
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def load(needs: Needs, given: Mapping[str, str] | None = None, *, whole: bool = False) -> Settings:
    """Return the settings that a door uses, from the environment and `.env`, or from `given`.

    What it does not use and cannot be read stands at its default; `whole`: is said as well.
    """
    kind = Settings if given is None else _Given
    values: dict[str, Any] = {name.lower(): value for name, value in (given or {}).items() if value}
    sentences: list[str] = []
    bad: set[str] = set()
    try:
        settings = kind(**values)
    except (OSError, UnicodeDecodeError):
        raise SettingsError([".env cannot be read: make it a UTF-8 text file of ours."]) from None
    except ValidationError as error:
        # The rest is checked with what is bad set aside, so that everything is said at once.
        for detail in error.errors(include_url=False, include_input=False):
            name = str(detail["loc"][0])
            bad.add(name)
            if whole or is_used(name, needs):
                sentences.append(_misread(name, detail["type"], detail.get("ctx", {})))
        settings = kind(**{**values, **_stand_ins(bad)})
    sentences += [
        f"{name.upper()} {why}" for name, why in objections(settings, needs) if name not in bad
    ]
    if sentences:
        raise SettingsError(sentences)
    return settings


def _stand_ins(bad: set[str]) -> dict[str, Any]:
    fields = Settings.model_fields
    return {name: "sandbox" if name == "environment" else fields[name].default for name in bad}


def _misread(name: str, problem: str, context: Mapping[str, Any]) -> str:
    """Say what is wrong with one value, without the value."""
    match problem:
        case "missing":
            why = "is missing: say sandbox or production."
        case "literal_error":
            words = str(context["expected"]).replace("'", "")
            why = f"must be {words}."
        case "value_error":
            why = f"{context['error']}."
        case "greater_than_equal":
            why = f"must be at least {context['ge']}."
        case "greater_than":
            why = f"must be more than {context['gt']}."
        case "less_than_equal":
            why = f"must be at most {context['le']}."
        case "string_too_long":
            why = f"must have at most {context['max_length']} characters."
        case "bool_parsing" | "bool_type":
            why = "must be true or false."
        case kind if kind.startswith(("int_", "decimal_")):
            why = f"must be a {'whole ' if kind.startswith('int_') else ''}number."
        case kind:
            why = f"cannot be read ({kind})."
    return f"{name.upper()} {why}"
