"""What ``assessment.toml`` says: the words around an assessment, and what of the facts it takes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citygauge.collect.rivals import SourceChoice
from citygauge.faults import note_invalid, note_not_toml
from citygauge.problems import Problems

SETTINGS = "assessment.toml"


class UnitChoice(BaseModel):
    """Which units are assessed: a list, those whose attributes match, or the `top` ones `by` an attribute."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    listed: tuple[str, ...] | None = Field(None, alias="list")
    where: Mapping[str, str | tuple[str, ...]] = Field(default_factory=dict)
    top: int | None = Field(None, gt=0)
    by: str | None = None


class SubjectChoice(BaseModel):
    """Which things inside the units count: those whose attributes match.

    `strata` takes the place of the framework's; ``""`` takes all things of a unit together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    where: Mapping[str, str | tuple[str, ...]] = Field(default_factory=dict)
    strata: str | None = None


class Settings(BaseModel):
    """What ``assessment.toml`` says.

    `period` is the one that is assessed, `periods` are those of a panel: all where it is empty. `sources`
    says which source counts where several tell one fact. `theme` is how reports look and what they say
    beyond the figures: the name of a built-in theme, or a path; blank for the one that is named like the
    framework.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name_zh: str = ""
    name_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    framework: str = "framework.csv"
    method: str = "method.toml"
    period: str | None = None
    periods: tuple[str, ...] = ()
    illustrative: bool = False
    published_grades: str | None = None
    units: UnitChoice = UnitChoice()
    subjects: SubjectChoice = SubjectChoice()
    sources: SourceChoice = SourceChoice()
    theme: str = ""

    def name(self, language: str) -> str:
        """Return the title of the assessment in a language, else in the other."""
        return (self.name_zh or self.name_en) if language == "zh" else (self.name_en or self.name_zh)


def read_settings(path: Path, problems: Problems) -> Settings | None:
    """Read ``assessment.toml`` and note everything wrong with it; None where it cannot be used."""
    try:
        return settings_of(tomllib.loads(path.read_text(encoding="utf-8-sig")), path.name, problems)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
    return None


def settings_of(data: dict[str, Any], file: str, problems: Problems) -> Settings | None:
    """Return settings of plain data; a year may be written as a number."""
    if "period" in data:
        data["period"] = _year(data["period"])
    if isinstance(data.get("periods"), list):
        data["periods"] = [_year(period) for period in data["periods"]]
    try:
        return Settings(**data)
    except ValidationError as error:
        note_invalid(error, "settings", Settings, file, problems)
    return None


def _year(given: Any) -> Any:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given
