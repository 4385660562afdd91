"""Tables that a published index may stand for: drawn evenly from all that meet its figures. Not observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from citygauge.audit.findings import Repair
from citygauge.audit.published import Grade, Published, dated
from citygauge.audit.reconstruct.chains import CannotMeetError, Draws, Sampler
from citygauge.audit.reconstruct.model import Array, Claim, Model, model_of, n_units
from citygauge.audit.reconstruct.relax import relax
from citygauge.audit.reconstruct.usual import Weights, with_usual
from citygauge.audit.reconstruct.verify import verify
from citygauge.audit.wording import words
from citygauge.problems import InputError, Language, Problem, Problems

SURE = 100  # draws from which an effective sample size can be told
ENOUGH = 0.7  # of the draws asked for: an effective sample size below it is told of
NOTICE: Mapping[Language, str] = dict(zip(("zh", "en"), words("reconstruct.notice"), strict=True))


@dataclass(frozen=True)
class Reconstruction:
    """Tables of unit × node scores that meet every figure which can hold; not observed.

    Attributes
    ----------
    model : Model
        The figures that every draw meets.
    relaxed : tuple of str
        Ids of the figures that cannot hold with the others and gave way.
    rules : mapping
        Parents whose unpublished weights are taken by a usual rule, and by which.
    draws : Draws
        Scores of the lowest level ``(n, n_units, n_leaves)`` and weights.
    """

    published: Published
    period: str
    model: Model
    relaxed: tuple[str, ...]
    rules: Mapping[str, Weights]
    weights: Weights
    seed: int
    draws: Draws
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def values(self) -> Array:
        """Scores at all nodes ``(n, n_units, n_nodes)``."""
        return self.model.values(self.draws.scores, self.draws.weights)

    @cached_property
    def central(self) -> int:
        """The number of the draw nearest to the mean of the draws, which meets every figure as all do."""
        scores = self.draws.scores
        return int(((scores - scores.mean(axis=0)) ** 2).sum(axis=(1, 2)).argmin())

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The units by grade as published, then by their mean index over the draws, best first."""
        rank = {grade.name: i for i, grade in enumerate(self._grades_from_the_top())}
        index = self.values[:, :, 0].mean(axis=0)
        grades = self.model.grades
        return tuple(sorted(range(len(grades)), key=lambda u: (rank.get(grades[u], len(rank)), -index[u], u)))

    def labels(self, language: Language = "zh") -> tuple[str, ...]:
        """Return neutral names of the units: nobody is ranked by name on data that are not observed."""
        word = "示意城市" if language == "zh" else "Illustrative city"
        width = max(2, len(str(len(self.order))))
        number = {unit: i for i, unit in enumerate(self.order, 1)}
        return tuple(f"{word} {number[unit]:0{width}d}" for unit in range(len(self.order)))

    def _grades_from_the_top(self) -> list[Grade]:
        return sorted(self.published.grades, key=lambda grade: grade.range.low is None or -grade.range.low)


def reconstruct(
    published: Published,
    *,
    n: int = 1000,
    seed: int = 1,
    weights: Weights = "drawn",
    repairs: Sequence[Repair] = (),
    tell: Callable[[int], None] | None = None,
) -> Reconstruction:
    """Return draws of the table of scores from all tables that meet the printed figures.

    Parameters
    ----------
    published : Published
        Of several periods, the last is taken.
    n : int
        Draws, at least 1.
    weights : {"drawn", "equal", "count"}
        Weights that are not printed: drawn evenly from those that the printed means allow, anew for each
        draw; or equal, or by number of indicators, at every parent where the figures allow that, and drawn
        at the others.
    repairs : sequence of Repair
        Of the audit: the figures of the first that helps give way; else as few figures as possible do, see
        `relax`.
    tell : callable, optional
        Hears of each draw.

    Returns
    -------
    Reconstruction
        Given the weights, draws are even on the set of tables that meet every figure kept: scores in their
        scale, means, grades, groups, cells within their rounding intervals, and standard deviations (÷ n
        where the publication does not say) within theirs. Every draw is checked again from scratch to 1e-9.

    Raises
    ------
    InputError
        When parents are not weighted sums, nobody says how many units there are, more units stand in the
        grades than there are, or no few figures can be given up so that the rest holds.

    Notes
    -----
    Hit-and-run along one, two and four cells at a time (Smith 1984, doi:10.1287/opre.32.6.1296), each
    printed spread a quadratic cut of the line; units that no figure tells apart change places. The same seed
    gives the same draws.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from citygauge.audit.figures import Figure
    >>> from citygauge.audit.published import Node
    >>> two = [Figure("overall.mean", Decimal("0.7"), Decimal("0.1")), Figure("units.n", Decimal(2))]
    >>> index = Published("", "", {"overall": Node("overall", None, "", "")}, {f.id: f for f in two})
    >>> found = reconstruct(index, n=8)
    >>> bool((abs(found.values.mean(axis=1) - 0.7) <= 0.05).all())
    True
    """
    period = _check(published)
    problems = Problems()
    relaxed = relax(published, model_of(published, period), repairs)
    if relaxed is None:
        problems.add("reconstruct.impossible")
        problems.raise_errors()
        raise AssertionError
    model, gone = relaxed.model, list(relaxed.figures)
    rules: dict[str, Weights] = {}
    if weights != "drawn":
        model, rules = with_usual(published, model, (weights,))
    while True:
        try:
            draws = Sampler(model, seed).draw(n, tell)
            break
        except CannotMeetError as error:
            model = _without_spread(model, error, gone, problems)
    verify(model, draws.scores, draws.weights)
    if gone:
        problems.add("reconstruct.relaxed", figures=gone)
    if n >= SURE and draws.effective < ENOUGH * n:
        problems.add("reconstruct.few-effective", effective=round(draws.effective), draws=n)
    return Reconstruction(published, period, model, tuple(gone), rules, weights, seed, draws, tuple(problems))


def _without_spread(model: Model, error: CannotMeetError, gone: list[str], problems: Problems) -> Model:
    """Return the model without the spread that was out of reach most often."""
    stuck = [_spread(model, s, node) for s, node in error.spreads]
    figures = [claim.figure for claim in stuck if claim is not None]
    if not figures:
        problems.add("reconstruct.no-weights")
        raise InputError(problems)
    gone.append(figures[0])
    return model.without(figures[:1])


def _spread(model: Model, place: int, node: int) -> Claim | None:
    return next((c for c in model.claims if (c.kind, c.place, c.node) == ("sd", place, node)), None)


def _check(published: Published) -> str:
    """Refuse what cannot be drawn; return the period."""
    problems = Problems()
    if bent := [n.code for n in published.nodes.values() if n.how != "arithmetic" or n.goalposts]:
        problems.add("reconstruct.not-linear", nodes=bent)
    periods = sorted({line.period for line in published.lines if line.kind == "mean"})
    period = periods[-1] if periods else ""
    if not n_units(published, period):
        problems.add("reconstruct.no-units")
    elif not published.units:
        figure = published.figures.get(dated(period, "units.n"))
        sizes = {g.name: published.figures.get(f"grade.{g.name}.n") for g in published.grades}
        total = sum(int(f.value) for f in sizes.values() if f is not None)
        if figure is not None and total > figure.value:
            problems.add("reconstruct.too-many", graded=total, units=int(figure.value))
    problems.raise_errors()
    return period
