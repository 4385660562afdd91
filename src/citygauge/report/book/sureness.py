"""What the chapter on how sure the ranks are asks of its evidence; every answer is bound to its cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from citygauge.analyse.robust.answers_convergence import P_WIDTH, rank_tolerance
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Form, Line, Name, Number
from citygauge.report.book.reading import level_name
from citygauge.report.book.robust import PAIRED
from citygauge.report.book.wording import factor_name

NAMED = 5  # units that are named one by one
INTERVAL = 0.9
_ENDS: dict[str, tuple[float, Form]] = {
    "interval": (INTERVAL, "percent"), "low": (0.05, "percent"), "high": (0.95, "percent"),
    "points": (100 * P_WIDTH, "amount"),
}  # fmt: skip


@dataclass(frozen=True)
class Sureness:
    """Questions to the evidence of how sure the ranks of one report are."""

    material: Material

    def run(self, key: str) -> Number:
        """Return a figure of the run: ``replications``, ``seed``, ``needed``, ``enough``, ``units``."""
        number: Number = self.material.evidence.line("robust_run", key=key).n
        return number

    def fixed(self, key: str) -> Number:
        """Return what no run changes: the share in an interval, its ends, how wide errors may be."""
        if key == "rank_width":
            return Number(rank_tolerance(len(self.material.result.units)), f"robust|{key}", "amount")
        value, form = _ENDS[key]
        return Number(value, f"robust|{key}", form)

    @cached_property
    def units(self) -> list[Line]:
        """The units that have a rank, and an interval of it, best first."""
        lines = self.material.evidence.lines("robust_units")
        return [line for line in lines if line.rank and line.rank_width]

    @property
    def own(self) -> Line | None:
        """The city of a city report; none where its rank is open altogether."""
        return next((line for line in self.units if line.raw("unit_code") == self.material.unit), None)

    def own_grades(self) -> list[Line]:
        """Return the grades that the city reaches with a probability that is not printed as none."""
        lines = self.material.evidence.lines("robust_grades", unit_code=self.material.unit)
        return [line for line in lines if line.chance and line.chance > 0]

    @property
    def shown(self) -> Number:
        """How many units the charts show."""
        return Number(
            min(PAIRED, self.material.evidence.table("robust_units").height), "robust|shown", "count"
        )

    @property
    def is_cut(self) -> bool:
        """Whether the charts show the first units only."""
        return self.material.evidence.table("robust_units").height > PAIRED

    def count(self, what: str) -> Number:
        """Return how many units are of a kind, such as those with a narrow interval."""
        rules = self.material.theme.wording
        found = {
            "narrow": [line for line in self.units if line.rank_width <= rules.narrow],
            "median": [line for line in self.units if line.rank_median.printed == line.rank.printed],
            "outside": [line for line in self.units if not line.rank_p05 <= line.rank <= line.rank_p95],
            "unsteady": self.unsteady,
            "surest": self.surest,
            "openest": self.openest,
            "graded": [line for line in self.units if line.p_other],
            "all": self.units,
        }[what]
        return Number(len(found), f"over|robust_units|{what}|n", "count")

    @property
    def verdict(self) -> str:
        """How reliable the ranking is called by the share of narrow intervals; blank of a handful of units.

        Where a narrow interval takes up half of the ranking, that it is narrow says nothing.
        """
        if len(self.units) <= 2 * self.material.theme.wording.narrow + 1:
            return ""
        return self.material.words.reliability(self.count("narrow"), self.count("all"))

    @property
    def shift(self) -> Number:
        """By how many ranks a unit moves on average."""
        moves = [line.raw("mean_abs_shift") for line in self.units]
        value = fmean(moves) if moves else None
        return Number(value, "over|robust_units|mean_abs_shift|mean", "amount")

    @property
    def is_level(self) -> bool:
        """Whether all intervals are equally wide, as printed."""
        return len({line.rank_width.text for line in self.units}) < 2

    @property
    def surest(self) -> list[Line]:
        """The units with the narrowest interval, as printed."""
        return self._at(min((line.rank_width.printed for line in self.units), default=0.0))

    @property
    def openest(self) -> list[Line]:
        """The units with the widest interval, as printed."""
        return self._at(max((line.rank_width.printed for line in self.units), default=0.0))

    def _at(self, width: float) -> list[Line]:
        return [line for line in self.units if line.rank_width.printed == width]

    @cached_property
    def unsteady(self) -> list[Line]:
        """The units that may well have another grade, those most likely to first."""
        limit = self.material.theme.wording.unsteady
        found = [line for line in self.units if line.p_other and line.p_other > limit]
        return sorted(found, key=lambda line: -line.p_other.printed)

    def some(self, lines: Sequence[Line]) -> list[Name]:
        """Return the first of some units by name."""
        return [self.material.unit_name(line.raw("unit_code")) for line in lines[:NAMED]]

    def factors(self) -> list[Line]:
        """Return what varies."""
        return self.material.evidence.lines("robust_factors")

    def varies(self, kind: str) -> bool:
        """Tell whether something of a kind varies."""
        return any(line.raw("kind") == kind for line in self.factors())

    def groups(self) -> list[list[Line]]:
        """Return what varies, weights that are drawn alike together."""
        found: dict[tuple[str, float | None, str], list[Line]] = {}
        for line in self.factors():
            kind = line.raw("kind")
            alone = "" if kind == "share" else line.raw("factor")
            found.setdefault((kind, line.raw("share"), alone), []).append(line)
        return list(found.values())

    def factor(self, line: Line, *, first: bool = False) -> Name:
        """Return what a factor is called; with a capital where it comes first."""
        key = line.raw("factor")
        name = self._names.get(key, key)
        return Name(name[:1].upper() + name[1:] if first else name, f"factor|{key}")

    def nodes(self, lines: Sequence[Line]) -> list[Name]:
        """Return whose weights several factors vary."""
        return [Name(self._nodes(line), f"nodes|{line.raw('factor')}") for line in lines]

    def labels(self, line: Line) -> list[Name]:
        """Return the settings among which a factor chooses."""
        return [Name(label, f"name|{label}") for label in line.raw("labels")]

    @cached_property
    def _names(self) -> dict[str, str]:
        """The names of the factors; those that would be called alike with their keys."""
        names = {line.raw("factor"): self._name(line) for line in self.factors()}
        times = Counter(names.values())
        mark = "{}（{}）" if self.material.language == "zh" else "{} ({})"
        return {key: name if times[name] == 1 else mark.format(name, key) for key, name in names.items()}

    def _name(self, line: Line) -> str:
        kind, key = line.raw("kind"), line.raw("key")
        part = key.split(".")[0] if key else kind
        return factor_name(part, self.material.language, self._nodes(line))

    def _nodes(self, line: Line) -> str:
        """Return whose weights vary, in words."""
        language = self.material.language
        joint, comma, more = ("和", "、", "等") if language == "zh" else (" and ", ", ", " and others")
        if codes := line.raw("codes"):
            names = [self.material.name(code).text for code in codes[:2]]
            return joint.join(names) if len(codes) < 3 else comma.join(names) + more
        the = "the " if language == "en" else ""
        levels = [the + level_name(level, self.material.depth, language) for level in line.raw("levels")]
        return joint.join(levels) or ("全部节点" if language == "zh" else "all nodes")

    @cached_property
    def influences(self) -> list[Line]:
        """The factors that have a share in the shift, the largest first."""
        lines = self.material.evidence.lines("robust_effects" if self.is_shared else "robust_indices")
        return [line for line in lines if self.influence(line)]

    @property
    def is_shared(self) -> bool:
        """Whether shares are Shapley effects, for factors that depend on each other."""
        return not self.material.evidence.lines("robust_indices")

    def influence(self, line: Line) -> Number:
        """Return the share of a factor: its total index, or its Shapley effect."""
        share: Number = line.effect if line.table == "robust_effects" else line.total_effect
        return share

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the first factor lies above those of all others."""
        end = "effect" if self.is_shared else "total"
        first, *others = self.influences
        from_, ends = first.raw(f"{end}_from"), [line.raw(f"{end}_to") for line in others]
        return from_ is not None and all(to is not None and to < from_ for to in ends)

    @property
    def is_joint(self) -> bool:
        """Whether factors work together: the total indices sum to more than one, the errors allowed for."""
        return not self.is_shared and sum(line.raw("total_from") or 0.0 for line in self.influences) > 1

    def weights(self) -> list[Line]:
        """Return the pillars with the weights between which things stay."""
        return self.material.evidence.lines("robust_weights")

    def tightest(self, what: str) -> Line | None:
        """Return the pillar whose weight may move least; none where every one may be anything."""
        bound = [
            line for line in self.weights() if getattr(line, f"{what}_low") and not self._is_free(line, what)
        ]
        room = {line.where: line.raw(f"{what}_high") - line.raw(f"{what}_low") for line in bound}
        return min(bound, key=lambda line: room[line.where], default=None)

    def is_at_one(self, lines: Sequence[Line]) -> bool:
        """Tell whether the ends of intervals are printed alike."""
        return all(line.rank_p05.text == line.rank_p95.text for line in lines)

    def has_interval(self, what: str) -> bool:
        """Tell whether intervals are known: of ``first``, ``grades`` or ``ranks``."""
        return any(getattr(line, f"{what}_low") for line in self.weights())

    def is_touchy(self, line: Line, what: str) -> bool:
        """Tell whether both ends of an interval print as the present weight."""
        ends = {getattr(line, f"{what}_{end}").text for end in ("low", "high")}
        return ends == {line.weight.text}

    def all_touchy(self, what: str) -> bool:
        """Tell whether that is so of every pillar."""
        return all(self.is_touchy(line, what) for line in self.weights())

    def _is_free(self, line: Line, what: str) -> bool:
        return bool(getattr(line, f"{what}_low").printed <= 0 and getattr(line, f"{what}_high").printed >= 1)
