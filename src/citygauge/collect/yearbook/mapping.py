"""How a source's tables are read, year after year: a map in ``imports/NAME.toml`` of the workspace."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from citygauge.collect.observations import STATES
from citygauge.collect.yearbook.measures import measure_of
from citygauge.collect.yearbook.words import key_of, words
from citygauge.files import is_file
from citygauge.framework.model import CHANNELS
from citygauge.problems import Problems, Where

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
FOUND, TOLD = "found", "told"


class Column(BaseModel):
    """The figures under one header: its path without years and units, the code, the unit of measure.

    `header` is written from the top down with strokes, ``地区生产总值/全市``; a blank one stands for the
    figures of a table that names its indicator in the title. In a table with the indicators down the side
    it is the label of the row. `measure` is the unit that the source uses; blank where it states none.
    """

    model_config = _FROZEN
    header: str = ""
    indicator: str
    measure: str = ""

    @model_validator(mode="after")
    def _is_known(self) -> Column:
        if self.measure and measure_of(self.measure) is None:
            raise PydanticCustomError("measure", "{value}", {"key": "measure", "value": self.measure})
        return self


class Table(BaseModel):
    """Where a table stands and what is in it.

    Parameters
    ----------
    sheet : str
        Name of the sheet, years in it left aside; blank = any.
    title : str
        Words that its title contains, number and years aside; blank = any. They tell what the table is: words
        that narrow an indicator, such as 市辖区 or 增长, count against a table unless they stand here.
    unit_column : str
        Header of the column with the cities; ``auto`` finds them by their names.
    header_rows : int or "auto"
        How many rows above the figures make the header.
    unit : str
        Code of the city that the whole table is about, where it names none.
    skip_rows : tuple of str
        Labels of rows to leave out.
    columns : tuple of Column
    """

    model_config = _FROZEN
    sheet: str = ""
    title: str = ""
    unit_column: str = "auto"
    header_rows: int | Literal["auto"] = "auto"
    unit: str = ""
    skip_rows: tuple[str, ...] = ()
    columns: tuple[Column, ...]

    @model_validator(mode="after")
    def _has_columns(self) -> Table:
        if not self.columns:
            raise PydanticCustomError("nothing", "{key}", {"key": "columns"})
        return self


class Name(BaseModel):
    """A name that a city has, or had from one year to another."""

    model_config = _FROZEN
    text: str
    unit: str
    first: int | None = Field(None, alias="from")
    last: int | None = Field(None, alias="to")


class About(BaseModel):
    """What the map says of its source."""

    model_config = _FROZEN
    producer: str = ""
    title: str = ""
    url: str = ""
    licence: str = ""


class YearbookMap(BaseModel):
    """How a source's tables are read.

    `period` is a period, ``found`` (in the header, the rows, the title) or ``told`` (by ``--period``).
    `marks` gives the state or the number that a mark alone in a cell stands for; what it does not name
    keeps its custom. `names` are names of cities beside those of ``units.csv``.
    """

    model_config = _FROZEN
    kind: Literal["yearbook"] = "yearbook"
    period: str = FOUND
    decimal: Literal[".", ","] = "."
    channel: str | None = None
    source: About = About()
    marks: Mapping[str, float | str] = Field(default_factory=dict)
    names: tuple[Name, ...] = ()
    tables: tuple[Table, ...] = ()

    @model_validator(mode="after")
    def _holds(self) -> YearbookMap:
        if self.channel is not None and self.channel not in CHANNELS:
            told = {"key": "channel", "value": self.channel, "allowed": list(CHANNELS)}
            raise PydanticCustomError("choice", "{value}", told)
        states = STATES[1:]
        for mark, meaning in self.marks.items():
            if meaning not in states if isinstance(meaning, str) else not isfinite(meaning):
                told = {"key": f"marks.{mark}", "value": str(meaning), "allowed": [*states, "0", "1.5 …"]}
                raise PydanticCustomError("choice", "{value}", told)
        return self


_KEYS = frozenset(
    info.alias or name
    for model in (Column, Table, Name, About, YearbookMap)
    for name, info in model.model_fields.items()
)
_ALLOWED = {
    "kind": ["yearbook"],
    "decimal": [".", ","],
    "header_rows": ["auto", "1", "2", "3 …"],
    "from": ["2000 …"],
    "to": ["2020 …"],
}


def read_yearbook_map(path: Path, problems: Problems) -> YearbookMap | None:
    """Read a map and note what is wrong with it; None where it cannot be used."""
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        found = YearbookMap(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = ":".join(re.findall(r"(?:line|column) ([0-9]+)", str(error)))
        problems.add("file.not-toml", Where(path.name), reason=place or path.name)
        return None
    except ValidationError as error:
        for fault in error.errors():
            _note_fault(fault, path.name, problems)
        return None
    if not found.tables:
        problems.add("yearbook.map-lacks", Where(path.name), key="tables")
        return None
    return found


def _note_fault(fault: Any, file: str, problems: Problems) -> None:
    """Note one thing that a map says otherwise than it can."""
    wrong = fault["loc"][-1:] if fault["type"] == "extra_forbidden" else ()
    parts = [part for part in fault["loc"] if isinstance(part, int) or part in _KEYS or part in wrong]
    told = fault.get("ctx", {})
    key = ".".join(map(str, [*parts, *([told["key"]] if "key" in told else [])]))
    where, value = Where(file), str(told.get("value", fault["input"]))[:60]
    if fault["type"] == "extra_forbidden":
        near = get_close_matches(str(fault["loc"][-1]), sorted(_KEYS), 3, 0.5)
        problems.add("yearbook.map-key", where, key=key, near=near)
    elif fault["type"] in {"missing", "nothing"}:
        problems.add("yearbook.map-lacks", where, key=key)
    elif fault["type"] == "measure":
        problems.add("yearbook.map-measure", where, key=key, value=value)
    else:
        allowed = told.get("allowed") or _ALLOWED.get(key.rpartition(".")[2]) or ["…"]
        problems.add("yearbook.bad-map", where, key=key, value=value, allowed=allowed)


def map_text(how: YearbookMap, left: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return a map as TOML, without what is as it would be anyway.

    Parameters
    ----------
    left : mapping, optional
        Headers that stand for no indicator (sheet → header → unit of measure): they are listed as
        comments, in the form in which the map takes them once they have a code.
    """
    plain = how.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)
    text = tomli_w.dumps({"kind": how.kind, "period": how.period, **plain})
    lines = []
    for sheet, headers in (left or {}).items():
        lines += ["[[tables]]", f"sheet = {_quoted(sheet)}", "columns = ["]
        lines += [
            f'    {{ header = {_quoted(header)}, indicator = "", measure = {_quoted(measure)} }},'
            for header, measure in headers.items()
        ]
        lines += ["]"]
    if lines:
        lines = ["未对应指标的表头 / headers without an indicator:", *lines]
        text += "\n" + "".join(f"# {line}\n" for line in lines)
    return text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def marks_of(how: YearbookMap | None) -> Mapping[str, float | str]:
    """Return what every mark stands for: by custom, and before that by the map."""
    from_map = {} if how is None else {key_of(mark): meaning for mark, meaning in how.marks.items()}
    return {**words().marks, **from_map}
