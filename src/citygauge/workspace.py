"""A workspace: a folder of plain files that holds an assessment, opened, checked and created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from citygauge.collect.breaks import Breaks, check_breaks, read_breaks
from citygauge.collect.disagree import check_preferred
from citygauge.collect.observations import (
    Observations,
    check_observations,
    observations_of,
    read_observations,
)
from citygauge.collect.sources import check_sources, read_sources
from citygauge.collect.subjects import Subjects, check_subjects, read_subjects, subjects_of
from citygauge.collect.units import UnitMatcher, Units, units_of
from citygauge.files import exists, frame_sheet, read_sheet, text_of
from citygauge.framework.builtin import builtin_folder, builtin_names
from citygauge.framework.model import Framework
from citygauge.framework.read import load_framework, read_framework, with_weight_sets
from citygauge.problems import Problems, Where
from citygauge.provenance import Source
from citygauge.score.conflicts import check_method
from citygauge.score.method import Method, read_method
from citygauge.settings import SETTINGS, Settings, SubjectChoice, read_settings, settings_of


@dataclass(frozen=True)
class Workspace:
    """An assessment that can be run: framework, units, facts, sources, method and settings."""

    framework: Framework
    units: Units
    observations: Observations
    sources: Mapping[str, Source] = field(default_factory=dict)
    method: Method = field(default_factory=Method)
    settings: Settings = field(default_factory=Settings)
    folder: Path | None = None
    warnings: Problems = field(default_factory=Problems, compare=False)
    subjects: Subjects = field(default_factory=Subjects)
    breaks: Breaks = field(default_factory=Breaks)

    def assessed_units(self, problems: Problems) -> Units:
        """Return the units that the settings choose, in the order of ``units.csv``."""
        choice, where = self.settings.units, Where(SETTINGS, column="units")
        keep = list(self.units.codes)
        if choice.listed is not None:
            keep = self._listed(choice.listed, where, problems)
        for name, wanted in choice.where.items():
            if name not in self.units.attributes:
                problems.add(
                    "settings.unknown-attribute", where, name=name, known=list(self.units.attributes)
                )
                continue
            values = dict(zip(self.units.codes, self.units.texts(name), strict=True))
            allowed = {wanted} if isinstance(wanted, str) else set(wanted)
            keep = [code for code in keep if values[code] in allowed]
        if (choice.top is None) != (choice.by is None):
            problems.add("settings.top-needs-by", where)
        elif choice.top is not None and choice.by is not None:
            keep = self._top(keep, choice.top, choice.by, where, problems)
        if not keep and not problems.errors:
            problems.add("settings.no-unit-left", where)
        return self.units.select(keep)

    def _listed(self, names: tuple[str, ...], where: Where, problems: Problems) -> list[str]:
        matcher = UnitMatcher(self.units)
        matches = {name: matcher.match(name) for name in names}
        unmatched = {name: match for name, match in matches.items() if match.verdict != "found"}
        for name, match in unmatched.items():
            problems.add("settings.unknown-unit", where, value=name, near=match.candidates)
        chosen = {match.code for match in matches.values()}
        return [code for code in self.units.codes if code in chosen]

    def _top(self, keep: list[str], top: int, by: str, where: Where, problems: Problems) -> list[str]:
        """The `top` units with the largest values of an attribute; a tie at the edge is noted."""
        if by not in self.units.attributes:
            problems.add("settings.unknown-attribute", where, name=by, known=list(self.units.attributes))
            return keep
        size = dict(zip(self.units.codes, self.units.numbers(by), strict=True))
        blank = [code for code in keep if size[code] != size[code]]
        if blank:
            problems.add("settings.no-value-to-choose-by", where, name=by, units=blank)
        order = sorted((code for code in keep if size[code] == size[code]), key=lambda code: -size[code])
        if len(order) > top and size[order[top - 1]] == size[order[top]]:
            problems.add("settings.tie-at-the-edge", where, name=by, units=order[top - 1 : top + 1], top=top)
        chosen = set(order[:top])
        return [code for code in keep if code in chosen]

    @property
    def strata(self) -> str:
        """The attribute of things by which the index is computed apart; blank for none."""
        own = self.settings.subjects.strata
        return self.framework.strata if own is None else own

    def chosen_subjects(self, problems: Problems) -> Subjects:
        """Return the things inside units that the settings choose."""
        where = self.settings.subjects.where
        unknown = [name for name in where if name not in self.subjects.attributes]
        if self.settings.subjects.strata and self.settings.subjects.strata not in self.subjects.attributes:
            unknown.append(self.settings.subjects.strata)
        is_given = self.settings.subjects.strata is not None
        if not is_given and len(self.subjects) and self.strata not in {"", *self.subjects.attributes}:
            problems.add("subjects.no-strata", Where(self.subjects.file), name=self.strata)
        for name in unknown:
            place = Where(SETTINGS, column="subjects")
            problems.add("settings.unknown-attribute", place, name=name, known=list(self.subjects.attributes))
        if unknown:
            return self.subjects
        chosen = self.subjects.meeting(
            {name: (values,) if isinstance(values, str) else values for name, values in where.items()}
        )
        if where and not len(chosen):
            problems.add("settings.no-subject-left", Where(SETTINGS, column="subjects"))
        return chosen

    def among(self, strata: str | None = None, **where: str | tuple[str, ...]) -> Workspace:
        """Return the workspace with only those things inside the units that meet the conditions.

        Parameters
        ----------
        strata : str, optional
            The attribute by which the index is computed apart; ``""`` takes all things together. By default
            the workspace's own.
        where : str or tuple of str
            Attribute → the value or values that count.

        Examples
        --------
        >>> workspace.among(life_event="Career")  # doctest: +SKIP
        """
        strata = self.settings.subjects.strata if strata is None else strata
        choice = SubjectChoice(where=where, strata=strata)
        return replace(self, settings=self.settings.model_copy(update={"subjects": choice}))

    def chosen_period(self, problems: Problems) -> str | None:
        """Return the period that is assessed: the settings', else the only one there is."""
        periods = self.observations.periods
        if self.settings.period is not None:
            if periods and self.settings.period not in periods:
                problems.add(
                    "settings.unknown-period",
                    Where(SETTINGS, column="period"),
                    value=self.settings.period,
                    known=periods,
                )
            return self.settings.period
        if len(periods) > 1:
            problems.add("settings.several-periods", Where(SETTINGS), periods=periods)
        return periods[0] if periods else None

    def chosen_periods(self, problems: Problems, periods: Sequence[str] | None = None) -> list[str]:
        """Return the periods of a panel: those asked for, else the settings', else all there are."""
        known = self.observations.periods
        chosen = list(periods or self.settings.periods or known)
        where = Where(SETTINGS, column="periods") if periods is None else None
        for period in chosen:
            if period not in known:
                problems.add("settings.unknown-period", where, value=period, known=known)
        if len(set(chosen)) < 2:
            problems.add("settings.one-period", where, periods=known)
        return sorted(set(chosen))

    def check(self) -> Problems:
        """Return everything noted about the workspace, warnings included; also what `assess` would refuse."""
        problems = Problems(self.warnings)
        self.assessed_units(problems)
        self.chosen_subjects(problems)
        self.chosen_period(problems)
        return problems

    def _repr_html_(self) -> str:
        """Show what the workspace holds in a notebook."""
        rows = {
            "framework": f"{self.framework.code} ({len(self.framework.indicators)} indicators)",
            "units": len(self.units),
            "observations": self.observations.frame.height,
            "illustrative": self.settings.illustrative,
        }
        cells = "".join(
            f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items()
        )
        return f"<table><caption>{escape(self.settings.name('en'))}</caption>{cells}</table>"


def open_workspace(folder: str | Path) -> Workspace:
    """Return the workspace of a folder.

    Raises
    ------
    InputError
        With every problem of every file, so that one reading finds them all.
    """
    problems = Problems()
    workspace = load_workspace(Path(folder), problems)
    problems.raise_errors()
    assert workspace is not None
    return workspace


def load_workspace(folder: Path, problems: Problems, method_file: Path | None = None) -> Workspace | None:
    """Read a workspace and note its problems; None where it cannot be used.

    `method_file` takes the place of the workspace's own method.
    """
    if not (folder / SETTINGS).is_file():
        problems.add("settings.no-workspace", Where(str(folder)), folder=str(folder), file=SETTINGS)
        return None
    settings = read_settings(folder / SETTINGS, problems)
    # Where the settings cannot be read, the files are looked at under their usual names all the same.
    basis = settings or Settings()
    has_tree = settings is not None or exists(folder / basis.framework)
    framework = _load_framework(folder, basis, problems) if has_tree else None
    sheet = read_sheet(folder / "units.csv", problems)
    units = None if sheet is None else units_of(sheet, problems)
    observations = read_observations(folder, problems)
    sources, subjects = read_sources(folder, problems), read_subjects(folder, problems)
    breaks = read_breaks(folder, problems)
    if method_file is not None:
        method = read_method(method_file, problems)
    else:
        method = _load_method(folder, basis, problems)
    if framework and units and method:
        check_method(method, framework, units, problems)
    if framework and units and observations:
        check_observations(observations, framework, units, problems)
        check_sources(observations, units, sources, problems)
        check_preferred(observations, basis.sources, SETTINGS, problems)
        if subjects is not None:
            check_subjects(subjects, observations, framework, units, problems)
        if breaks is not None:
            check_breaks(breaks, observations, framework, units, problems)
    if settings and settings.published_grades and units and settings.published_grades not in units.attributes:
        problems.add(
            "settings.unknown-attribute", Where(SETTINGS, column="published_grades"),
            name=settings.published_grades, known=list(units.attributes),
        )  # fmt: skip
    if problems.errors or not (settings and framework and units and observations and method):
        return None
    assert subjects is not None
    assert breaks is not None
    return Workspace(
        framework, units, observations, sources, method, settings, folder, problems, subjects, breaks
    )


def from_frames(
    framework: Framework | str | Path,
    units: Any,
    observations: Any,
    method: Method | None = None,
    settings: Mapping[str, Any] | None = None,
    subjects: Any = None,
) -> Workspace:
    """Return a workspace of data frames in memory.

    Parameters
    ----------
    framework : Framework, name of a built-in one, or path
    units, observations : data frame
        pandas, Polars or anything Narwhals knows, with the columns of ``units.csv`` and
        ``observations.csv``. An integer unit code is read as its digits.
    method : Method, optional
        By default that of a built-in framework, else `Method()`.
    settings : mapping, optional
        Keys of ``assessment.toml``, e.g. ``{"period": "2023"}``.
    subjects : data frame, optional
        The things inside units that observations are about, with the columns of ``subjects.csv``.

    Raises
    ------
    InputError
        With every problem of the frames.
    """
    problems = Problems()
    if not isinstance(framework, Framework):
        folder = builtin_folder() / str(framework)
        if method is None and (folder / "method.toml").is_file():
            method = read_method(folder / "method.toml", problems)
        framework = read_framework(folder if folder.is_dir() else framework)
    chosen = settings_of(dict(settings or {}), "settings", problems)
    found = units_of(frame_sheet(_polars(units), "units"), problems)
    facts = observations_of(frame_sheet(_polars(observations), "observations"), problems)
    inside = Subjects() if subjects is None else subjects_of(_polars(subjects), problems)
    if found and facts:
        check_observations(facts, framework, found, problems)
        check_preferred(facts, (chosen or Settings()).sources, "settings", problems)
        if inside is not None:
            check_subjects(inside, facts, framework, found, problems)
    problems.raise_errors()
    assert found is not None
    assert facts is not None
    assert chosen is not None
    assert inside is not None
    return Workspace(framework, found, facts, {}, method or Method(), chosen, None, problems, inside)


def _polars(frame: Any) -> pl.DataFrame:
    """Return a frame of any kind as Polars; pandas columns go through text, so that pyarrow is not needed."""
    found = nw.from_native(frame, eager_only=True)
    if found.implementation.is_polars():
        own: pl.DataFrame = found.to_polars()
        return own
    columns = {
        name: [None if blank else text_of(cell) for cell, blank in zip(column, column.is_null(), strict=True)]
        for name, column in ((name, found[name]) for name in found.columns)
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(found.columns, pl.String))


def framework_place(name: str, folder: Path | None = None) -> Path:
    """Return where a framework stands: inside the workspace, else the built-in one, else a path from here."""
    if folder is not None and exists(folder / name):
        return folder / name
    if name in builtin_names():
        return builtin_folder() / name
    return Path(name) if folder is None or exists(Path(name)) else folder / name


def find_framework(
    name: str, problems: Problems, folder: Path | None = None, where: Where | None = None
) -> Path | None:
    """Return where a framework stands; where it does not, None and a problem naming the built-in ones."""
    place = framework_place(name, folder)
    if exists(place):
        return place
    problems.add("framework.not-found", where, name=name, known=list(builtin_names()))
    return None


def _load_framework(folder: Path, settings: Settings, problems: Problems) -> Framework | None:
    place = find_framework(settings.framework, problems, folder, Where(SETTINGS, column="framework"))
    if place is None:
        return None
    framework = load_framework(place, problems)
    is_own = place.resolve() in {folder.resolve(), (folder / "framework.csv").resolve()}
    return framework if framework is None or is_own else with_weight_sets(framework, folder, problems)


def _load_method(folder: Path, settings: Settings, problems: Problems) -> Method | None:
    """Read the workspace's method, else that of its built-in framework, else take the defaults."""
    own = folder / settings.method
    if exists(own) or own.is_symlink() or settings.method != "method.toml":
        return read_method(own, problems)
    shipped = framework_place(settings.framework, folder) / "method.toml"
    return read_method(shipped, problems) if shipped.is_file() else Method()
