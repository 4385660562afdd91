"""Several periods of one assessment, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from citygauge.framework.model import Framework
from citygauge.problems import Language, Problem, Problems
from citygauge.result import NOTICE, Result


@dataclass(frozen=True, repr=False)
class Panel:
    """The outcome of `assess_panel`: the result of each period, in their order.

    Attributes
    ----------
    results : mapping
        Period → `Result`. All have the same method, framework and weights; their units may differ.
    """

    results: Mapping[str, Result]

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods, in their order."""
        return tuple(self.results)

    @property
    def last(self) -> Result:
        """The result of the last period."""
        return self.results[self.periods[-1]]

    @property
    def framework(self) -> Framework:
        """The framework that was assessed."""
        return self.last.framework

    @property
    def illustrative(self) -> bool:
        """Whether the data are illustrative, so that nobody is ranked by name."""
        return self.last.illustrative

    @property
    def label_of(self) -> Mapping[str, str]:
        """What stands beside the figures of each unit; on illustrative data its neutral name.

        The neutral names of all periods are those of the last one.
        """
        return self.last.label_of

    def names(self, language: Language) -> dict[str, str]:
        """Return the name of each unit by its label; on illustrative data the neutral one."""
        if self.illustrative:
            word = "示意城市" if language == "zh" else "Illustrative city"
            return {label: label.replace("示意城市", word) for label in self.label_of.values()}
        units = self.last.workspace.units.select(self.last.derived.units)
        return dict(zip(units.codes, units.names(language), strict=True))

    @property
    def scores(self) -> pl.DataFrame:
        """Scores, ranks and grades of all periods: ``period`` and the columns of `Result.scores`.

        On illustrative data the figures stand under neutral names, which are those of the last period.
        """
        frames = []
        for period, result in self.results.items():
            frame = result.scores
            if result.illustrative:
                neutral = {result.label_of[unit]: self.label_of[unit] for unit in result.derived.units}
                frame = frame.with_columns(pl.col("unit_code").replace(neutral))
            frames.append(frame.select(pl.lit(period).alias("period"), pl.all()))
        return pl.concat(frames)

    @property
    def ranks(self) -> pl.DataFrame:
        """Ranks of the index over time: ``unit_code`` and one column for each period; null without a rank."""
        return self.ranks_of(self.framework.root.code)

    def ranks_of(self, code: str) -> pl.DataFrame:
        """Return the ranks of a node over time, each among the units of its period.

        Parameters
        ----------
        code : str
            Any node that was scored in some period.

        Returns
        -------
        DataFrame
            ``unit_code`` and one column for each period; units in the order of ``units.csv``, on
            illustrative data in that of their neutral names, with the column ``notice``.

        Raises
        ------
        KeyError
            When no period has scores of the code.
        """
        if not any(code in result.aggregated.codes for result in self.results.values()):
            raise KeyError(code)
        labels = [self.label_of[unit] for unit in self.last.derived.units]
        wide = pl.DataFrame({"unit_code": pl.Series(labels, dtype=pl.String)})
        scored: set[str] = set()
        for period, result in self.results.items():
            own = dict.fromkeys(labels)
            if code in result.aggregated.codes:
                column = result.ranks[:, result.aggregated.codes.index(code)]
                own |= {
                    self.label_of[unit]: int(rank) or None
                    for unit, rank in zip(result.units.codes, column, strict=True)
                }
            scored.update(self.label_of[unit] for unit in result.units.codes)
            wide = wide.with_columns(pl.Series(period, [own[label] for label in labels], dtype=pl.Int32))
        wide = wide.filter(pl.col("unit_code").is_in(list(scored)))
        if self.illustrative:
            wide = wide.sort("unit_code").with_columns(pl.lit(NOTICE["en"]).alias("notice"))
        return wide

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What was noted on the way: once where it holds in all periods, else with its period."""
        told = {period: self._neutral(result).warnings for period, result in self.results.items()}
        shared = [one for one in told[self.periods[-1]] if all(one in each for each in told.values())]
        found = Problems()
        found.add_once(shared)
        for period, noted in told.items():
            found.add_once(Problems(one for one in noted if one not in shared).in_period(period))
        return found.warnings

    def _neutral(self, result: Result) -> Result:
        """Return the last result with what was noted of another, under the same neutral names."""
        return replace(self.last, noted=result.noted) if self.illustrative else result

    def __repr__(self) -> str:
        """Name the size and the method, and no figure of any unit."""
        notice = f", {NOTICE['en']}" if self.last.illustrative else ""
        return f"<Panel: {', '.join(self.periods)}; method {self.last.method.hash[:12]}{notice}>"
