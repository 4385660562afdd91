"""A published standard: editions, themes, codes, bands; and what a workspace adds to it."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from citygauge.problems import Language


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Named(_Plain):
    name_zh: str = ""
    name_en: str = ""

    def name(self, language: Language) -> str:
        """Return the name in the language, else in the other."""
        return (self.name_zh or self.name_en) if language == "zh" else (self.name_en or self.name_zh)


class Edition(_Plain):
    """One edition; `complete` where all its codes are listed, so that any other is none."""

    id: str
    complete: bool = False


class Theme(_Named):
    """One theme of an edition; `group` is what stands above it, `checked` whether it was verified."""

    id: str
    edition: str
    group_zh: str = ""
    group_en: str = ""
    aliases: tuple[str, ...] = ()
    checked: bool = False

    def group(self, language: Language) -> str:
        """Return what stands above the theme, in the language; blank for nothing."""
        return self.group_zh if language == "zh" else self.group_en


class Indicator(_Named):
    """One indicator of an edition; `theme` only where its code does not say it."""

    code: str = Field(min_length=1)
    edition: str = ""
    theme: str = ""
    checked: bool = False


class Band(_Named):
    """Percentages of a benchmark from the lower edge (inclusive) on; None = no lower edge."""

    id: str
    edge: float | None = Field(None, alias="from")


class Standard(_Named):
    """A published standard.

    `labels` are the words by which a counterpart names it, `code` is the pattern of its codes with the
    theme as a named group, `starts` what only a code begins with, `language` that of its names as
    published (names in the other language are translations). `bands` stand from the best to the worst.
    """

    id: str
    short: str
    title_zh: str
    title_en: str
    labels: tuple[str, ...]
    language: Literal["zh", "en"]
    code: str
    starts: str
    source: str
    edition: tuple[Edition, ...]
    theme: tuple[Theme, ...]
    indicator: tuple[Indicator, ...] = ()
    band: tuple[Band, ...] = ()

    def title(self, language: Language) -> str:
        """Return the title in the language."""
        return self.title_zh if language == "zh" else self.title_en

    @property
    def only_edition(self) -> str:
        """The edition that is meant where none is named; blank where there are several."""
        return self.edition[0].id if len(self.edition) == 1 else ""

    @cached_property
    def themes(self) -> dict[tuple[str, str], Theme]:
        """Themes by edition and id."""
        return {(theme.edition, theme.id): theme for theme in self.theme}

    @cached_property
    def indicators(self) -> dict[tuple[str, str], Indicator]:
        """Indicators by edition and code."""
        return {(one.edition, one.code): one for one in self.indicator}

    def theme_of(self, indicator: Indicator) -> str:
        """Return the id of the theme of an indicator: its own, else what its code says; blank for none."""
        match = re.fullmatch(self.code, indicator.code)
        theme = indicator.theme or (match["theme"] if match else "")
        return theme if (indicator.edition, theme) in self.themes else ""

    @cached_property
    def theme_names(self) -> dict[tuple[str, str], str]:
        """Id of a theme by edition and any of its names, in the form in which names are compared."""
        return {
            (theme.edition, compared(name)): theme.id
            for theme in self.theme
            for name in (theme.id, theme.name_zh, theme.name_en, *theme.aliases)
        }


class Benchmark(_Plain):
    """The value that counts as reached, in the unit of the framework's indicator.

    `code` limits it to one code of the standard; `unit` is compared with the unit of the indicator.
    """

    indicator: str
    value: float = Field(ge=0)
    code: str = ""
    unit: str = ""
    source: str = ""


class Additions(_Plain):
    """What ``standards/ID.toml`` of a workspace adds: benchmarks, and codes that somebody checked."""

    benchmark: tuple[Benchmark, ...] = ()
    indicator: tuple[Indicator, ...] = ()

    @field_validator("indicator")
    @classmethod
    def _without_blanks(cls, listed: tuple[Indicator, ...]) -> tuple[Indicator, ...]:
        return tuple(one.model_copy(update={"code": re.sub(r"\s", "", one.code)}) for one in listed)


def compared(name: str) -> str:
    """Return a name as names are compared: width, case, hyphens and blanks do not matter."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("-", " ").split())
