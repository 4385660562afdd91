"""What an assessment found: every step, the scores, ranks and grades, and the way back to the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.neutral import Neutral
from citygauge.collect.observations import ROW
from citygauge.collect.resolve import Facts
from citygauge.collect.units import Units
from citygauge.framework.model import Framework
from citygauge.framework.rollup import rollup_row
from citygauge.indicators.rollup import RolledUp
from citygauge.indicators.table import Table
from citygauge.problems import Language, Problem
from citygauge.score.grade import GradeScale
from citygauge.score.method import Method
from citygauge.score.ranges import ranges
from citygauge.score.steps import Scored
from citygauge.score.treat import Treated
from citygauge.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

NOTICE: Mapping[str, str] = {"zh": "示意数据，非观测结果", "en": "illustrative data, not observed"}


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of `assess`, immutable.

    Attributes
    ----------
    derived, screened, imputed, treated, normalised, aggregated : Table
        The table after each step; `derived` has all units, the later ones those that stayed.
    ranks : (n_units, n_nodes) int
        1 = highest, 0 = no value; columns as in `aggregated`.
    grades, stages : tuple of str
        Id of the class of each unit; empty text without a score, and without a scale.
    facts : Facts
        The facts about the units themselves.
    rolled : RolledUp
        What the roll-up rules made of facts about things inside the units.
    strata : mapping
        The tables of each stratum, by its name, where there are strata; the tables of the result are then
        the means over them.
    screening : DataFrame
        Of every unit, whether it stays and why.
    imputation : DataFrame
        How each filled cell was filled; with strata, see there.
    treatment : mapping
        What was done to the columns that were treated; with strata, see there.
    from_measures : Table or None
        For indicators with a score of their own: the score their measures would have given.
    shares, effective_weights : mapping
        Weight of each node among its siblings, and in the index.
    period : str or None
        The period that was assessed.
    warnings : tuple of Problem
        What was noted on the way; on illustrative data under neutral names.
    """

    workspace: Workspace
    method: Method
    units: Units
    facts: Facts
    derived: Table
    screened: Table
    imputed: Table
    treated: Table
    normalised: Table
    aggregated: Table
    ranks: NDArray[np.int32]
    availability: NDArray[np.float64]
    shares: Mapping[str, float]
    effective_weights: Mapping[str, float]
    rolled: RolledUp = field(default_factory=RolledUp)
    strata: Mapping[str, Scored] = field(default_factory=dict)
    screening: pl.DataFrame = field(default_factory=pl.DataFrame)
    imputation: pl.DataFrame = field(default_factory=pl.DataFrame)
    treatment: Mapping[str, Treated] = field(default_factory=dict)
    from_measures: Table | None = None
    scale: GradeScale | None = None
    stage_scale: GradeScale | None = None
    grades: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    period: str | None = None
    noted: tuple[Problem, ...] = ()

    @property
    def framework(self) -> Framework:
        """The framework that was assessed."""
        return self.workspace.framework

    @property
    def illustrative(self) -> bool:
        """Whether the data are illustrative, so that nobody is ranked by name."""
        return self.workspace.settings.illustrative

    @cached_property
    def range(self) -> tuple[float, float] | None:
        """The range on which the index lies; None where nothing but the data bounds it."""
        return ranges(self.method, self.framework)[self.framework.root.code]

    @cached_property
    def index(self) -> NDArray[np.float64]:
        """The score of each unit at the root."""
        return self.aggregated.values[:, 0]

    @property
    def decimals(self) -> int:
        """Decimals at which scores are shown: 3 on scales up to 10, else 2."""
        return 3 if float(np.nanmax(np.abs(self.index), initial=0.0)) <= 10 else 2

    def labels(self, language: Language = "zh") -> tuple[str, ...]:
        """Return how each unit is shown beside its figures: its name, or a neutral one on illustrative data.

        Neutral names are numbered by the score, best first, so that they say no more than the score does.
        """
        if not self.illustrative:
            return self.units.names(language)
        word = "示意城市" if language == "zh" else "Illustrative city"
        order = np.argsort(np.where(np.isnan(self.index), np.inf, -self.index), kind="stable")
        number = np.empty(order.size, int)
        number[order] = np.arange(1, order.size + 1)
        width = max(2, len(str(order.size)))
        return tuple(f"{word} {i:0{width}d}" for i in number)

    @cached_property
    def label_of(self) -> Mapping[str, str]:
        """What stands beside the figures of each unit, also of those that were screened out."""
        if not self.illustrative:
            return {unit: unit for unit in self.derived.units}
        label = dict(zip(self.units.codes, self.labels("zh"), strict=True))
        gone = sorted(unit for unit in self.derived.units if unit not in label)
        return label | {unit: f"示意城市 {len(label) + i:02d}" for i, unit in enumerate(gone, 1)}

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What was noted on the way; on illustrative data units under neutral names, and no row of a fact."""
        if not self.illustrative:
            return self.noted
        return Neutral(self.workspace.units, self.label_of).problems(self.noted)

    def __repr__(self) -> str:
        """Name the size and the method, and no figure of any unit."""
        units, nodes = self.aggregated.values.shape
        notice = f", {NOTICE['en']}" if self.illustrative else ""
        return f"<Result: {units} units, {nodes} nodes, method {self.method.hash[:12]}{notice}>"

    @cached_property
    def row_labels(self) -> tuple[str, ...]:
        """The codes that stand beside figures in tables; neutral names on illustrative data."""
        return self.labels("zh") if self.illustrative else self.units.codes

    @cached_property
    def named_grades(self) -> tuple[str, ...]:
        """The grade that may stand beside a unit's name; empty where it may not.

        On illustrative data only a grade that equals the published one may (contract: illustrative data).
        """
        if not self.illustrative:
            return self.grades
        settings = self.workspace.settings
        # Published grades are those of the period that is assessed; of another one nothing is published.
        is_told = settings.period is None or self.period == settings.period
        attribute = settings.published_grades if is_told else None
        published = self.units.texts(attribute) if attribute else (None,) * len(self.units)
        return (
            tuple(own if own == told else "" for own, told in zip(self.grades, published, strict=True))
            if self.grades
            else ()
        )

    @cached_property
    def scores(self) -> pl.DataFrame:
        """Scores, ranks and grades as in ``results/scores.csv``: one row for each unit and node.

        On illustrative data the figures stand under neutral names, and rows with the units' codes carry
        nothing but published grades.
        """
        n_units, n_nodes = self.aggregated.values.shape
        values = self.aggregated.values.ravel()
        levels = [self.framework.levels[code] for code in self.aggregated.codes]
        grades: list[str | None] = [None] * (n_units * n_nodes)
        if self.grades and not self.illustrative:
            grades[::n_nodes] = [grade or None for grade in self.grades]
        frame = pl.DataFrame(
            {
                "unit_code": np.repeat(np.array(self.row_labels, dtype=object), n_nodes).tolist(),
                "code": list(self.aggregated.codes) * n_units,
                "level": levels * n_units,
                "value": pl.Series(values).set(pl.Series(np.isnan(values)), None),
                "rank": pl.Series(self.ranks.ravel()).set(pl.Series(self.ranks.ravel() == 0), None),
                "grade": pl.Series(grades, dtype=pl.String),
            }
        )
        if self.illustrative:
            frame = pl.concat([self._published_rows(), frame.sort("unit_code", maintain_order=True)])
            frame = frame.with_columns(pl.lit(NOTICE["en"]).alias("notice"))
        return frame

    def _published_rows(self) -> pl.DataFrame:
        named = [(c, g) for c, g in zip(self.units.codes, self.named_grades, strict=False) if g]
        return pl.DataFrame(
            {
                "unit_code": [code for code, _ in named],
                "code": [self.framework.root.code] * len(named),
                "level": [0] * len(named),
                "value": pl.Series([None] * len(named), dtype=pl.Float64),
                "rank": pl.Series([None] * len(named), dtype=pl.Int32),
                "grade": pl.Series([grade for _, grade in named], dtype=pl.String),
            },
            schema_overrides={"level": pl.Int64, "unit_code": pl.String, "code": pl.String},
        )

    @cached_property
    def ranking(self) -> pl.DataFrame:
        """The index, best first: ``rank, unit_code, name_zh, name_en, value, grade``."""
        neutral = self.illustrative
        frame = pl.DataFrame(
            {
                "rank": pl.Series(self.ranks[:, 0]).set(pl.Series(self.ranks[:, 0] == 0), None),
                "unit_code": list(self.row_labels),
                "name_zh": list(self.labels("zh")),
                "name_en": list(self.labels("en")),
                "value": pl.Series(self.index).set(pl.Series(np.isnan(self.index)), None),
                "grade": list(self.grades) if self.grades and not neutral else [""] * len(self.units),
            }
        )
        return frame.sort("rank", "unit_code", nulls_last=True)

    @cached_property
    def grade_list(self) -> pl.DataFrame:
        """Units by grade, best grade first, in the method's order: ``grade, unit_code, name_zh, name_en``."""
        if self.scale is None:
            return pl.DataFrame(schema=dict.fromkeys(("grade", "unit_code", "name_zh", "name_en"), pl.String))
        place = {grade.id: i for i, grade in enumerate(self.scale.grades)}
        keys = [self._order_key(name) for name in self.method.grades.order]
        named = [i for i, grade in enumerate(self.named_grades) if grade]
        named.sort(
            key=lambda i: (place[self.named_grades[i]], *(key[i] for key in keys), self.units.codes[i])
        )
        names = {language: self.units.names(language) for language in ("zh", "en")}
        return pl.DataFrame(
            {
                "grade": [self.named_grades[i] for i in named],
                "unit_code": [self.units.codes[i] for i in named],
                "name_zh": [names["zh"][i] for i in named],
                "name_en": [names["en"][i] for i in named],
            },
            schema=dict.fromkeys(("grade", "unit_code", "name_zh", "name_en"), pl.String),
        )

    def _order_key(self, name: str) -> list[Any]:
        """Return what the units are sorted by inside a grade; numbers as numbers, blanks last."""
        if name == "score":  # would give the ranking away on illustrative data
            return [0.0] * len(self.units) if self.illustrative else [float(-value) for value in self.index]
        if name == "unit":
            return list(self.units.codes)
        numbers, texts = self.units.numbers(name), self.units.texts(name)
        return [
            (1, 0.0, text or "") if np.isnan(n) else (0, float(n), "")
            for n, text in zip(numbers, texts, strict=True)
        ]

    def to_pandas(self, table: str = "scores") -> pd.DataFrame:
        """Return one of the tables (``scores``, ``ranking``, ``grade_list``) as a pandas frame.

        Raises
        ------
        ImportError
            When pandas is not installed: ``pip install "citygauge[pandas]"``.
        """
        import pandas as pd  # noqa: PLC0415 - an extra, and slow to import

        return pd.DataFrame(getattr(self, table).to_dict(as_series=False))

    def trace(self, unit: str, code: str) -> dict[str, Any]:
        """Return the way from a figure back to its facts, as plain data.

        Parameters
        ----------
        unit : str
            Code of the unit; on illustrative data its neutral name.
        code : str
            Any node.

        Returns
        -------
        dict
            ``value``, ``rank``, on illustrative data the ``notice``; for an aggregate ``children`` (each
            with its ``weight`` and its own trace), for a leaf the value at each step and the ``fact`` with
            its source, or ``rolled_up``: the rules, the value in each stratum, and those of the things.
            With strata the values are means over them.

        Raises
        ------
        KeyError
            When the unit or the code is not in the result.
        """
        if unit not in self.row_labels or code not in self.framework:
            raise KeyError(f"{unit}, {code}")
        found = self._trace(self.row_labels.index(unit), code)
        return {"notice": dict(NOTICE), **found} if self.illustrative else found

    def _trace(self, row: int, code: str) -> dict[str, Any]:
        column = self.aggregated.codes.index(code)
        found: dict[str, Any] = {
            "unit": self.row_labels[row], "code": code, "name": dict(self.framework[code].name),
            "value": _number(self.aggregated.values[row, column]),
            "rank": int(self.ranks[row, column]) or None,
        }  # fmt: skip
        children = self.framework.children(code)
        own = code in self.normalised.codes
        if own:
            at = self.normalised.codes.index(code)
            steps = ("imputed", "treated", "normalised")
            found["steps"] = {name: _number(getattr(self, name).values[row, at]) for name in steps}
            unit = self.aggregated.units[row]
            if not self._line(unit, code) and self.rolled.about(unit, code).height:
                found["rolled_up"] = self._inside(unit, code)
            else:
                found["fact"] = self._fact(unit, code)
        if children:
            how = self.method.aggregate.rules(self.framework)[code].how
            found["how"] = "own score" if own and not np.isnan(self.normalised.values[row, at]) else how
            found["children"] = [
                {"weight": self.shares[child], **self._role(child), **self._trace(row, child)}
                for child in children
            ]
        return found

    def _line(self, unit: str, code: str) -> int:
        """Return the row of the observation behind a cell in its file; 0 where there is none."""
        return int(self.facts.rows[self.facts.units.index(unit), self.facts.codes.index(code)])

    def _inside(self, unit: str, code: str) -> dict[str, Any]:
        """Return what a rolled-up value is made of; on illustrative data without the things' names."""
        about = self.rolled.about(unit, code)
        ends, made = about.filter(pl.col("subject").is_null()), about.filter(pl.col("subject").is_not_null())
        rules = [rollup_row(rule) for rule in self.framework.rollups if rule.code == code]
        told: dict[str, Any] = {
            "rules": [{key: text for key, text in rule.items() if text} for rule in rules],
            "strata": ends.select("stratum", "value", "state", "subjects").to_dicts(),
        }
        if self.illustrative:
            return told
        own = ("subject", "value", "state", ROW, "source", "cell")
        recorded = self.workspace.observations.frame.filter(
            (pl.col("unit") == unit) & (pl.col("indicator") == code) & pl.col("subject").is_not_null()
        )
        recorded = recorded.select(name for name in own if name in recorded.columns).rename({ROW: "row"})
        things = made.select("subject", "kind", "stratum", "value", "state", "subjects")
        return told | {"made": things.to_dicts(), "recorded": recorded.to_dicts()}

    def _role(self, code: str) -> dict[str, str]:
        """Return what a node is to its parent where it is no part of the mean."""
        return {"role": role} if (role := self.framework[code].role) else {}

    def _fact(self, unit: str, code: str) -> dict[str, Any]:
        """Return the observation behind a cell: its row, what it says, and its source."""
        line = self._line(unit, code)
        if not line:
            return {"state": "missing", "row": None}
        observation = self.workspace.observations.frame.row(by_predicate=pl.col(ROW) == line, named=True)
        kept = {"row": observation.pop(ROW), **observation, "file": self.workspace.observations.file}
        hidden = {"unit", "row", "cell", "file"} if self.illustrative else {"unit"}
        kept = {key: value for key, value in kept.items() if value is not None and key not in hidden}
        source = self.workspace.sources.get(observation["source"] or "")
        node = self.framework[code]
        return {
            **kept,
            **({"denominator": node.denominator} if node.denominator else {}),
            **({"citation": source.citation()} if source else {}),
        }

    def _repr_html_(self) -> str:
        """Show the ranking in a notebook."""
        notice = f"<p><strong>{NOTICE['zh']} / {NOTICE['en']}</strong></p>" if self.illustrative else ""
        return notice + self.ranking._repr_html_()


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
