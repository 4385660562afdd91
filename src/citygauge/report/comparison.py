"""A comparison of methods as tables, words and files."""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.causes import Causes
from citygauge.analyse.compare import Comparison
from citygauge.analyse.leave_out import LeftOut
from citygauge.files import write_csv
from citygauge.problems import InputError, Language, Problem, Problems, Where
from citygauge.report.comparison_page import comparison_page
from citygauge.report.marks import figure, short, signed
from citygauge.result import NOTICE

LANGUAGES: tuple[Language, ...] = ("zh", "en")
RECORD = "comparison.json"
TABLES = ("comparison", "summary", "causes", "leave_out")
PAGES: Mapping[Language, str] = {language: f"comparison.{language}.html" for language in LANGUAGES}
NAMES = frozenset({*(f"{name}.csv" for name in TABLES), *PAGES.values()})
LARGEST = 10  # shifts that are shown first, and coloured


@dataclass(frozen=True)
class Told:
    """What is told of a comparison: at one node, with causes and nodes left out by the method's name."""

    comparison: Comparison
    code: str
    causes: Mapping[str, Causes] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What was noted on the way, each once."""
        found = Problems(self.comparison.warnings)
        for why in self.causes.values():
            found.add_once(why.warnings)
        for left in self.left_out.values():
            found.add_once(left.warnings)
        return found.warnings

    @cached_property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables of the files, by their names; `leave_out` only where nodes were left out.

        ``comparison`` and ``summary`` are those of `Comparison` for all nodes; ``causes`` and ``leave_out``
        have the name of the method in front, ``causes`` also the node.
        """
        codes = self.comparison.framework.codes
        found = {"comparison": self.comparison.table(codes), "summary": self.comparison.summary(codes)}
        if self.causes:
            found["causes"] = pl.concat(
                each.table.select(pl.lit(name).alias("method"), pl.lit(each.code).alias("code"), pl.all())
                for name, each in self.causes.items()
            )
        if self.left_out:
            found["leave_out"] = pl.concat(
                each.table.select(pl.lit(name).alias("method"), pl.all())
                for name, each in self.left_out.items()
            )
        return found

    @cached_property
    def shifts(self) -> Mapping[str, Mapping[str, int | None]]:
        """The shift of each unit under each other method, None where it lacks a rank under either."""
        first = self.comparison.ranks(self.comparison.names[0], self.code)
        units = self.comparison.first.derived.units
        found = {}
        for name in self.comparison.names[1:]:
            gained = first - self.comparison.ranks(name, self.code)
            found[name] = {
                unit: None if np.isnan(n) else int(n) for unit, n in zip(units, gained.tolist(), strict=True)
            }
        return found

    @cached_property
    def largest(self) -> tuple[str, ...]:
        """The units with the largest shifts under any method, largest first; no unit that stays in place."""
        size = {
            unit: max(abs(shifts[unit] or 0) for shifts in self.shifts.values())
            for unit in self.comparison.first.derived.units
        }
        moved = [unit for unit in size if size[unit]]
        return tuple(sorted(moved, key=lambda unit: (-size[unit], self.comparison.shown[unit][0]))[:LARGEST])

    def said(self, unit: str, name: str, language: Language) -> str:
        """Say a shift with its causes in words: ``up 7: +5 normalise, +2 weights``; blank for none."""
        words, shift = texts(language), self.shifts[name][unit]
        if not shift:
            return ""
        lead = words["up" if shift > 0 else "down"].format(n=abs(shift))
        found = self.causes.get(name)
        if found is None or unit not in found.units:
            return lead
        shares = found.rank_shifts[:, found.units.index(unit)]
        if np.isnan(shares).any():
            return lead + words["colon"] + words["unknown"]
        order = sorted(range(len(shares)), key=lambda i: -abs(shares[i]))
        told = [(found.parts[i], signed(short(float(shares[i]), 1))) for i in order]
        parts = [
            words["part"].format(part=part_name(part, language), shift=text)
            for part, text in told
            if text != "0"
        ]
        return lead + words["colon"] + words["comma"].join(parts)


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Return the words of a comparison in a language."""
    place = resources.files("citygauge").joinpath("report", "comparison.toml")
    found: Mapping[str, str] = tomllib.loads(place.read_text(encoding="utf-8"))[language]
    return found


def part_name(part: str, language: Language) -> str:
    """Return the name of a part of a method: ``normalise (CODE)`` for ``normalise.by.CODE``."""
    words = texts(language)
    name, _, key = part.partition(".by.")
    return words["below"].format(part=words[name], key=key) if key else words[name]


def shift_text(shift: int | None) -> str:
    """Write a shift with its sign; a dash for none."""
    return "–" if shift is None else signed(figure(shift, 0))


def comparison_content(told: Told, language: Language) -> dict[str, Any]:
    """Return what the page of a comparison shows, as plain data; figures are text as they are printed."""
    comparison, code = told.comparison, told.code
    first = comparison.names[0]
    framework = comparison.framework
    named = {key: text.replace("{first}", first) for key, text in texts(language).items()}
    title = comparison.first.workspace.settings.name(language)
    node = f"{code} {framework[code].label(language)}".strip()
    return {
        "language": language,
        "t": named,
        "heading": f"{title}{named['colon']}{named['title']}" if title else named["title"],
        "node": named["node"].format(name=node),
        "illustrative": comparison.illustrative,
        "notice": NOTICE[language],
        "methods": list(comparison.names),
        "agreement": [_agreement(row) for row in comparison.summary([code]).to_dicts()],
        "slopes": _slopes(told, language),
        "ranks": _ranks(told, language),
        "left_out": _left_out(told, language),
        "warnings": [problem.text(language) for problem in told.warnings],
        "colophon": f"CityGauge {version('citygauge')}",
    }


def _agreement(row: Mapping[str, Any]) -> dict[str, str]:
    shown = {key: figure(row[key], 3) for key in ("spearman", "kendall")}
    whole = ("n", "max_abs_shift", "only_first", "only_other", "grade_changes")
    return {
        "method": row["method"],
        **shown,
        **{key: "–" if row[key] is None else str(row[key]) for key in whole},
        "mean_abs_shift": figure(row["mean_abs_shift"], 2),
        "top": f"{row['top_shared']} / {row['top_first']}",
    }


def _in_order(told: Told) -> list[str]:
    """Return the units by their rank under the first method, those without one last."""
    comparison = told.comparison
    ranks = comparison.ranks(comparison.names[0], told.code)
    rank_of = dict(zip(comparison.first.derived.units, np.nan_to_num(ranks, nan=np.inf), strict=True))
    return sorted(rank_of, key=lambda unit: (rank_of[unit], comparison.shown[unit][0]))


def _slopes(told: Told, language: Language) -> list[dict[str, Any]]:
    comparison, last = told.comparison, told.comparison.names[-1]
    units = {unit: i for i, unit in enumerate(comparison.first.derived.units)}
    ranks = {name: comparison.ranks(name, told.code) for name in comparison.names}
    rows = []
    for unit in _in_order(told):
        shift = told.shifts[last][unit] or 0
        kind = "rest" if unit not in told.largest else "up" if shift > 0 else "down" if shift < 0 else "rest"
        code, *labels = comparison.shown[unit]
        label = labels[LANGUAGES.index(language)]
        rows += [
            {"unit": code, "label": label, "kind": kind, "method": name, "rank": int(rank)}
            for name in comparison.names
            if not np.isnan(rank := ranks[name][units[unit]])
        ]
    return rows


def _ranks(told: Told, language: Language) -> list[dict[str, Any]]:
    comparison = told.comparison
    units = {unit: i for i, unit in enumerate(comparison.first.derived.units)}
    ranks = {name: comparison.ranks(name, told.code) for name in comparison.names}
    return [
        {
            "name": comparison.shown[unit][1 if language == "zh" else 2],
            "ranks": [figure(ranks[name][units[unit]], 0) for name in comparison.names],
            "shifts": [
                (shift_text(shifts[unit]), told.said(unit, name, language))
                for name, shifts in told.shifts.items()
            ],
        }
        for unit in _in_order(told)
    ]


def _left_out(told: Told, language: Language) -> list[dict[str, Any]]:
    """Return the mean shift of each node that was left out, under each method."""
    framework = told.comparison.framework
    rows: dict[str, dict[str, str]] = {}
    for name, left in told.left_out.items():
        for row in left.summary.to_dicts():
            rows.setdefault(row["removed"], {})[name] = figure(row["mean_abs_shift"], 2)
    return [
        {
            "node": f"{code} {framework[code].label(language)}".strip(),
            "means": [means.get(name, "–") for name in told.left_out],
        }
        for code, means in rows.items()
    ]


def write_comparison(told: Told, folder: Path) -> tuple[Path, ...]:
    """Write a comparison: its tables as CSV, a page in each language, and what pins it; return the paths.

    Everything is written aside first and put in place together, over an earlier comparison.

    Raises
    ------
    InputError
        When the folder holds files and no comparison of CityGauge.
    """
    if not _is_free(folder):
        raise InputError([Problem("out.foreign-folder", Where(str(folder)), {"folder": str(folder)})])
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, frame in told.tables.items():
            write_csv(frame, draft / f"{name}.csv")
        for language in LANGUAGES:
            text = comparison_page(comparison_content(told, language))
            (draft / PAGES[language]).write_text(text, encoding="utf-8", newline="\n")
        names = sorted(path.name for path in draft.iterdir())
        record = json.dumps(_record(told, names), ensure_ascii=False, indent=2)
        (draft / RECORD).write_text(record + "\n", encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for name in (RECORD, *NAMES):
            (folder / name).unlink(missing_ok=True)
        for name in (*names, RECORD):
            (draft / name).replace(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return tuple(folder / name for name in names)


def _is_free(folder: Path) -> bool:
    """Tell whether a folder is new, empty, or holds an earlier comparison."""
    if any(parent.is_file() for parent in folder.parents) or (folder.exists() and not folder.is_dir()):
        return False
    return not folder.exists() or (folder / RECORD).is_file() or not any(folder.iterdir())


def _record(told: Told, names: list[str]) -> dict[str, Any]:
    results = told.comparison.results
    return {
        "citygauge": version("citygauge"),
        "node": told.code,
        "methods": {name: result.method.hash for name, result in results.items()},
        "framework": told.comparison.framework.hash,
        "illustrative": told.comparison.illustrative,
        **({"notice": dict(NOTICE)} if told.comparison.illustrative else {}),
        "files": names,
    }
