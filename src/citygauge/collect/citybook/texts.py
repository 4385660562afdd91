"""The texts of the workbooks, as data in both languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, get_args

from citygauge.problems import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)


def say(group: str, key: str, language: Language, /, **values: str) -> str:
    """Return a text of the workbooks, its placeholders filled.

    >>> say("form", "title", "en", unit="Chengdu", code="510100", period="2023")
    'Chengdu (510100), 2023: data form'
    """
    text: str = _texts()[group][key][language]
    return text.format_map(values) if values else text


def lines(group: str, key: str) -> Sequence[Mapping[str, str]]:
    """Return a list of paragraphs, each a mapping of language → text."""
    found: Sequence[Mapping[str, str]] = _texts()[group][key]
    return found


def choices(group: str, language: Language) -> tuple[str, ...]:
    """Return what a drop-down offers."""
    return tuple(words[language] for words in _texts()[group].values())


def meant(group: str, word: str) -> str | None:
    """Return the key that a word of either language stands for, or the key itself; None for no such word.

    >>> meant("states", "不适用"), meant("states", "missing"), meant("states", "gone")
    ('not_applicable', 'missing', None)
    """
    return _meanings(group).get(word.strip().casefold())


@cache
def _meanings(group: str) -> Mapping[str, str]:
    found = {key.casefold(): key for key in _texts()[group]}
    return found | {
        words[language].casefold(): key for key, words in _texts()[group].items() for language in LANGUAGES
    }


@cache
def _texts() -> Mapping[str, Any]:
    place = resources.files("citygauge").joinpath("collect", "citybook", "citybook.toml")
    return tomllib.loads(place.read_text(encoding="utf-8"))
