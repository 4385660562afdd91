"""The figures of a report computed anew, with nothing of the package but scores, settings and facts."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from own_robust import DRAWN, FIXED, NAMES, SEED, SHARE, OwnRobust
from report_samples import DEMO, SMART, column
from scipy import optimize, stats

import citygauge as cg
from citygauge.report.book.document import Bound, Document
from citygauge.report.book.theme import Theme

Array = NDArray[np.float64]
Key = Mapping[str, str]
# Published in the report of 2021 (pillars) and fixed by its printed means (the two parts of services).
PUBLISHED = {"S": 0.30, "A": 0.25, "M": 0.20, "R": 0.15, "T": 0.10, "S1": 0.6, "S2": 0.4}
CUTS = {"leading": 0.85, "pioneering": 0.70, "exploring": None}
COUNTS = {
    "n", "count", "rank", "n_children", "first_choice", "indicators", "observations", "k", "cluster",
    "effort",
    "expected", "known", "missing", "not_applicable", "imputed",
}  # fmt: skip
RATIOS = {
    "cv", "gini", "pearson", "pearson_low", "pearson_high", "spearman", "kendall", "r_squared", "alpha",
    "moran", "coordination",
}  # fmt: skip
SHARES = {
    "share", "weight", "effective_weight", "share_known", "eta_squared", "chance", "p_other",
    *(f"{what}_{end}" for what in ("first", "ranks", "grades") for end in ("low", "high")),
}  # fmt: skip
PLACES = {"rank_median", "rank_p05", "rank_p95", "rank_width", "mean_abs_shift"}
CHANCES = {"welch_p", "p_permutation"}


def printed(value: float | None, name: str, decimals: int) -> str:
    """Return a figure as it has to be printed: a half away from zero, a true minus, a dash for none."""
    if value is None or np.isnan(value):
        return "–"
    if name in CHANCES:
        return "<0.001" if value < 0.001 else "=" + half_up(value, 3)
    if name in SHARES:
        return half_up(value * 100, 1).removesuffix(".0") + "%"
    if name in PLACES:
        return half_up(value, 1).removesuffix(".0")
    places = (
        0 if name in COUNTS else 2 if name in RATIOS else decimals + (name in ("gain", "gain_to_next_mean"))
    )
    return half_up(value, places)


def half_up(value: float, places: int) -> str:
    exact = Decimal(f"{value:.9f}")  # sums carry noise far below what is printed
    text = str(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
    return (text.removeprefix("-") if not text.strip("-0.") else text).replace("-", "−")


def gini(x: Array) -> float:
    """Return half the mean absolute difference of all pairs over the mean."""
    return float(np.abs(x[:, None] - x).mean() / (2 * x.mean()))


def welch(groups: list[Array]) -> float:
    """Return the p-value of Welch's analysis of variance (Welch 1951, doi:10.1093/biomet/38.3-4.330)."""
    n, mean = np.array([len(g) for g in groups]), np.array([g.mean() for g in groups])
    w = n / np.array([g.var(ddof=1) for g in groups])
    k, centre = len(groups), (w * mean).sum() / w.sum()
    off = ((1 - w / w.sum()) ** 2 / (n - 1)).sum()
    f = (w * (mean - centre) ** 2).sum() / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * off)
    return float(stats.f.sf(f, k - 1, (k**2 - 1) / (3 * off)))


def alpha(x: Array) -> float:
    k = x.shape[1]
    return float(k / (k - 1) * (1 - x.var(axis=0, ddof=1).sum() / x.sum(axis=1).var(ddof=1)))


def neighbours(lat: Array, lon: Array, k: int = 5) -> NDArray[np.int64]:
    """Return the k nearest of each place, by the haversine of their great circle."""
    a, b = np.radians(lat), np.radians(lon)
    h = np.sin((a[:, None] - a) / 2) ** 2 + np.cos(a[:, None]) * np.cos(a) * np.sin((b[:, None] - b) / 2) ** 2
    np.fill_diagonal(h, np.inf)
    return np.argsort(h, axis=1)[:, :k]


def moran(x: Array, near: NDArray[np.int64]) -> float:
    z = x - x.mean()
    return float((z * z[near].mean(axis=1)).sum() / (z**2).sum())


def efficiencies(inputs: Array, outputs: Array) -> Array:
    """Return the output-oriented efficiency of each row under variable returns (Banker et al. 1984)."""
    found = []
    for row in range(len(inputs)):
        above = np.vstack([inputs.T, -outputs.T])
        grow = np.concatenate([np.zeros(inputs.shape[1]), outputs[row]])[:, None]
        solved = optimize.linprog(
            [*np.zeros(len(inputs)), -1], np.hstack([above, grow]),
            np.concatenate([inputs[row], np.zeros(outputs.shape[1])]), [[*np.ones(len(inputs)), 0]], [1],
        )  # fmt: skip
        found.append(1 / solved.x[-1])
    return np.array(found)


@dataclass(frozen=True)
class Own:
    """Figures of an example as `tables` names them: table → column and key → value."""

    demo: str
    result: cg.Result
    theme: Theme

    @property
    def folder(self) -> Path:
        return self.result.workspace.folder

    def value(self, table: str, name: str, key: Key) -> float | None:
        """Return a figure by the source that a report gives; KeyError for a table not computed here."""
        which = (table, *key.items())
        if which not in self.kept:
            kind, *rest = table.split(":")
            self.kept[which] = self.tables[kind](key, *rest)
        return self.kept[which][name]

    @cached_property
    def kept(self) -> dict[tuple[Any, ...], Mapping[str, float | None]]:
        return {}

    @cached_property
    def tables(self) -> dict[str, Callable[..., Mapping[str, float | None]]]:
        return {
            "describe": self._describe, "groups": self._groups, "tests": self._tests, "grades": self._grades,
            "ranking": self._ranking, "scores": self._scores, "weights": self._weights,
            "relation": self._relation, "counts": self._counts, "child_gaps": self._gaps,
            "consistency": lambda _: {"alpha": alpha(self._all(self.pillars))}, "layers": self._layers,
            "paths": self._paths, "availability": self._availability, "coverage": self._coverage,
            "planned": self._planned, "against": self._against, "standings": self._standings,
            "balance": self._balance, "next": self._next, "leader": self._leader, "advice": self._advice,
            "spatial": self._spatial, "cluster_profiles": self._clusters, "over": self._over,
            "robust_units": lambda key: self.robust.units[self.at(key)],
            "robust_grades": lambda key: {"chance": self.robust.chance(self.at(key), key["grade"])},
            "robust_weights": lambda key: self.robust.weights(key["code"]),
            "robust_factors": lambda _: {"share": SHARE},
            "robust_run": lambda key: {"n": {"replications": DRAWN, "seed": SEED}[key["key"]]},
        }  # fmt: skip

    @cached_property
    def robust(self) -> OwnRobust:
        children = {code: self.children(code) for code in self.codes}
        leaves = {code: self.scores(code) for code in self.leaves}
        return OwnRobust(
            self.result, self.root, children, self.share, leaves, CUTS if self.result.scale else {}
        )

    def at(self, key: Key) -> int:
        return self.result.row_labels.index(key["unit_code"])

    @cached_property
    def root(self) -> str:
        return self.result.framework.codes[0]

    @cached_property
    def pillars(self) -> list[str]:
        return self.children(self.root)

    def children(self, code: str) -> list[str]:
        return [n.code for n in map(self.result.framework.__getitem__, self.codes) if n.parent == code]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The nodes with scores: in the SMART framework the measures below the indicators have none."""
        return tuple(c for c in self.result.framework.codes if not np.isnan(column(self.result, c)).all())

    def scores(self, code: str) -> Array:
        return column(self.result, code)

    def of(self, unit: str, code: str) -> float:
        return float(self.scores(code)[self.result.row_labels.index(unit)])

    def _all(self, codes: list[str]) -> Array:
        return np.column_stack([self.scores(code) for code in codes])

    @cached_property
    def units(self) -> pl.DataFrame:
        frame = pl.read_csv(self.folder / "units.csv", infer_schema=False)
        return pl.DataFrame({"unit": list(self.result.units.codes)}).join(
            frame, "unit", maintain_order="left"
        )

    def numbers(self, name: str) -> Array:
        return self.units[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    @cached_property
    def facts(self) -> pl.DataFrame:
        frame = pl.read_csv(self.folder / "observations.csv", infer_schema=False)
        return frame.filter(pl.col("unit").is_in(list(self.units["unit"])))

    @cached_property
    def share(self) -> dict[str, float]:
        """The weight of each node among its siblings."""
        found = {}
        for code in self.codes:
            below = self.children(code)
            for child in below:
                found[child] = PUBLISHED.get(child, 1 / len(below)) if self.demo == SMART else 1 / len(below)
        return found

    def weight(self, code: str) -> float:
        up = [code]
        while (parent := self.result.framework[up[-1]].parent) and parent != self.root:
            up.append(parent)
        return prod(self.share[each] for each in up)

    def grade(self, score: float) -> str:
        return next(grade for grade, cut in CUTS.items() if cut is None or score >= cut - 1e-9)

    def grouped(self, key: str) -> dict[str, list[int]]:
        """Return the rows of each group: by grade, by the theme's edges, or by the text of its attribute."""
        if key == "grade":
            names = [self.grade(score) for score in self.scores(self.root)]
        elif (rule := self.theme.groups[key]).edges:
            names = [str(1 + sum(x >= edge for edge in rule.edges)) for x in self.numbers(rule.attribute)]
        else:
            names = self.units[rule.attribute].to_list()
        return {name: [i for i, other in enumerate(names) if other == name] for name in sorted(set(names))}

    def _describe(self, key: Key) -> dict[str, float | None]:
        x = self.scores(key["code"])
        x = x[~np.isnan(x)]
        sd = float(x.std(ddof=1))
        low, median, high = np.quantile(x, (0.25, 0.5, 0.75)).tolist()
        ends = {"min": float(x.min()), "max": float(x.max()), "p25": low, "median": median, "p75": high}
        cv = sd / float(x.mean())
        return {"n": x.size, "mean": float(x.mean()), "sd": sd, "cv": cv, "gini": gini(x), **ends}

    def _groups(self, key: Key, name: str) -> dict[str, float | None]:
        x = self.scores(key["code"])[self.grouped(name).get(key["group"], [])]
        x = x[~np.isnan(x)]
        if self.result.illustrative and x.size < 3:
            return {"n": x.size, "mean": None, "sd": None}
        return {"n": x.size, "mean": float(x.mean()), "sd": float(x.std(ddof=1)) if x.size > 1 else None}

    def _tests(self, key: Key, name: str) -> dict[str, float | None]:
        x = self.scores(key["code"])
        groups = [x[rows] for rows in self.grouped(name).values()]
        between = sum(g.size * (g.mean() - x.mean()) ** 2 for g in groups)
        return {"welch_p": welch(groups), "eta_squared": float(between / ((x - x.mean()) ** 2).sum())}

    def _grades(self, key: Key) -> dict[str, float | None]:
        count = len(self.grouped("grade")[key["grade"]])
        return {"count": count, "share": count / len(self.units), "edge": CUTS[key["grade"]]}

    def _ranking(self, key: Key) -> dict[str, float | None]:
        value = self.of(key["unit_code"], self.root)
        return {"value": value, "rank": self.rank(key["unit_code"], self.root)}

    def rank(self, unit: str, code: str) -> int:
        return 1 + int((self.scores(code) > self.of(unit, code) + 1e-9).sum())

    def _scores(self, key: Key) -> dict[str, float | None]:
        return {"value": self.of(key["unit_code"], key["code"])}

    def _weights(self, key: Key) -> dict[str, float | None]:
        return {"weight": self.share[key["code"]], "effective_weight": self.weight(key["code"])}

    def _relation(self, key: Key) -> dict[str, float | None]:
        x, y = np.log(self.numbers(self.theme.groups["size"].attribute)), self.scores(key["code"])
        r = stats.pearsonr(x, y)
        low, high = r.confidence_interval()
        return {
            "pearson": r.statistic, "pearson_low": low, "pearson_high": high, "r_squared": r.statistic**2,
            "spearman": stats.spearmanr(x, y).statistic, "kendall": stats.kendalltau(x, y).statistic,
        }  # fmt: skip

    def _counts(self, key: Key) -> dict[str, float | None]:
        depth = {self.root: 0}
        for code in self.codes[1:]:
            depth[code] = depth[self.result.framework[code].parent or ""] + 1
        found = {
            "units": len(self.units), "pillars": len(self.pillars), "left_out": 0, "facts": self.facts.height,
            "dimensions": sum(level == 2 for level in depth.values()),
            "indicators": len(self.leaves),
        }  # fmt: skip
        return {"n": found[key["key"]]}

    @property
    def leaves(self) -> list[str]:
        return [code for code in self.codes if not self.children(code)]

    def mean(self, code: str) -> float:
        return float(np.nanmean(self.scores(code)))

    def _gaps(self, key: Key) -> dict[str, float | None]:
        means = [self.mean(child) for child in self.children(key["code"])]
        return {"n_children": len(means), "highest_mean": max(means), "lowest_mean": min(means)}

    def layer(self, name: str) -> Array:
        codes = list(self.theme.layers[name].codes)
        return np.asarray(self._all(codes) @ (w := np.array([self.weight(c) for c in codes])) / w.sum())

    def _layers(self, key: Key) -> dict[str, float | None]:
        x = self.layer(key["layer"])
        return {"mean": float(x.mean()), "sd": float(x.std(ddof=1))}

    def _paths(self, key: Key) -> dict[str, float | None]:
        return {"pearson": stats.pearsonr(self.layer(key["start"]), self.layer(key["end"])).statistic}

    def _availability(self, key: Key) -> dict[str, float | None]:
        assert key["code"] == self.root
        expected = len(self.units) * len(self.leaves)
        known = self.facts.filter(pl.col("state") == "value").height
        return {
            "expected": expected, "known": known, "missing": expected - known, "not_applicable": 0,
            "imputed": 0, "share_known": known / expected,
        }  # fmt: skip

    def _coverage(self, key: Key) -> dict[str, float | None]:
        own = self.facts.filter(pl.col("channel").fill_null("") == key["channel"])
        known = own.filter(pl.col("state") == "value").height
        return {
            "indicators": own["indicator"].n_unique(), "observations": own.height,
            "share_known": known / own.height if own.height else None,
        }  # fmt: skip

    def _planned(self, key: Key) -> dict[str, float | None]:
        """Count in the table of the framework itself, down to the measures."""
        path = next((DEMO.parent / "src").rglob(f"builtin/{self.demo}/framework.csv"))
        table = pl.read_csv(path, infer_schema=False)
        ends = table.filter(~pl.col("code").is_in(table["parent"].drop_nulls().to_list()))
        told = [text.split(";") for text in ends["channels"].fill_null("")]
        return {
            "indicators": sum(key["channel"] in each for each in told),
            "first_choice": sum(each[0] == key["channel"] for each in told),
        }  # fmt: skip

    def _others(self, unit: str, code: str, alike: list[Any]) -> float | None:
        at = self.result.row_labels.index(unit)
        rows = [i for i, each in enumerate(alike) if i != at and each == alike[at]]
        return float(self.scores(code)[rows].mean()) if rows else None

    def _against(self, key: Key) -> dict[str, float | None]:
        unit, code = key["unit_code"], key["code"]
        found: dict[str, float | None] = {
            "value": self.of(unit, code), "rank": self.rank(unit, code), "n": len(self.units),
            "mean_all": self.mean(code),
        }  # fmt: skip
        if self.demo == SMART:
            grades = [self.grade(score) for score in self.scores(self.root)]
            return {**found, "mean_grade": self._others(unit, code, grades)}
        near = [self.result.row_labels.index(peer) for peer in self.peers(unit)]
        region = self.units[self.theme.groups["region"].attribute].to_list()
        return {
            **found, "mean_peers": float(self.scores(code)[near].mean()),
            "mean_region": self._others(unit, code, region),
        }  # fmt: skip

    def peers(self, unit: str) -> list[str]:
        """Return the five units nearest in the standardised logarithms of the theme's attributes."""
        logs = np.log(np.column_stack([self.numbers(n) for n in self.theme.peers]))
        logs[np.isnan(logs).any(axis=1)] = np.nan
        logs = stats.zscore(logs, ddof=1, nan_policy="omit")
        at = self.result.row_labels.index(unit)
        order = np.argsort(np.linalg.norm(logs - logs[at], axis=1))  # NaN last
        return [self.result.row_labels[i] for i in order if i != at][:5]

    def _standings(self, key: Key, _: str) -> dict[str, float | None]:
        unit, code = key["unit_code"], key["code"]
        if np.isnan(self.of(unit, code)):
            return {"value": None, "rank": None, "mean": self.mean(code), "difference": None}
        off = self.of(unit, code) - self.mean(code)
        rank = self.rank(unit, code)
        return {"value": self.of(unit, code), "rank": rank, "mean": self.mean(code), "difference": off}

    def coordination(self) -> Array:
        """Return the square root of coupling (geometric over arithmetic mean) times the index, on 0..1."""
        width = 1.0 if self.demo == SMART else 100.0
        x = self._all(self.pillars) / width
        w = np.array([self.weight(code) for code in self.pillars])
        return np.asarray(np.sqrt(stats.gmean(x, axis=1) / x.mean(axis=1) * (x @ w)))

    def _balance(self, key: Key) -> dict[str, float | None]:
        at = self.result.row_labels.index(key["unit_code"])
        x = self._all(self.pillars)[at]
        ends = {"strongest_value": float(x.max()), "weakest_value": float(x.min())}
        return {"coordination": float(self.coordination()[at]), "spread": float(np.ptp(x)), **ends}

    def _next(self, key: Key) -> dict[str, float | None]:
        unit = key["unit_code"]
        own, names = self.of(unit, self.root), list(CUTS)
        above = names[names.index(self.grade(own)) - 1]
        rows = self.grouped("grade")[above]
        gain = max(0.0, float(self.scores(key["code"])[rows].mean()) - self.of(unit, key["code"]))
        return {
            "shortfall": (CUTS[above] or 0.0) - own, "gain_to_next_mean": gain * self.weight(key["code"]),
        }  # fmt: skip

    def leader_parts(self, unit: str) -> dict[str, float]:
        best = self.result.row_labels[int(np.argmax(self.scores(self.root)))]
        return {c: self.weight(c) * (self.of(unit, c) - self.of(best, c)) for c in self.pillars}

    def _leader(self, key: Key) -> dict[str, float | None]:
        return {"contribution": self.leader_parts(key["unit_code"])[key["code"]]}

    def _advice(self, key: Key) -> dict[str, float | None]:
        unit, code = key["unit_code"], key["code"]
        rule = next(rule for rule in self.theme.advice if rule.id == key["advice"])
        goal = float(np.nanquantile(self.scores(code), 0.75))
        found = {
            "value": self.of(unit, code), "mean": self.mean(code), "effort": rule.effort,
            "gain": max(0.0, goal - self.of(unit, code)) * self.weight(code),
            "mean_size": None, "mean_region": None,
        }  # fmt: skip
        if not self.result.illustrative:
            at = self.result.row_labels.index(unit)
            for name in ("size", "region"):
                rows = next(rows for rows in self.grouped(name).values() if at in rows)
                found[f"mean_{name}"] = float(np.nanmean(self.scores(code)[rows]))
        return found

    def _spatial(self, key: Key) -> dict[str, float | None]:
        near = neighbours(self.numbers("lat"), self.numbers("lon"))
        return {"k": 5, "moran": moran(self.scores(key["code"]), near)}

    def _clusters(self, key: Key) -> dict[str, float | None]:
        """Cut Ward's tree of the standardised pillars in as many clusters as are told, the best first."""
        from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import

        tree = linkage(stats.zscore(self._all(self.pillars)), "ward")
        labels = fcluster(tree, self.clusters, "maxclust")
        index = self.scores(self.root)
        means = sorted((float(index[labels == c].mean()), int((labels == c).sum())) for c in set(labels))
        mean, n = means[-int(key["cluster"])]
        return {"cluster": float(key["cluster"]), "n": n, "mean": mean}

    @property
    def clusters(self) -> int:
        """The number of clusters that the report tells of; which number is best, nothing here decides."""
        return int(self.kept.get(("clusters",), {"n": 2})["n"] or 2)

    def _over(self, key: Key) -> dict[str, float | None]:
        raise KeyError(key)

    def over(self, parts: list[str], unit: str) -> tuple[float, str]:  # noqa: PLR0911 - one case each
        """Return a figure over a whole table by its source, and the column that says how it is written."""
        match parts:
            case ["describe", "below", "n"]:
                nodes = [c for p in self.pillars for c in self.children(p)]
                limit = self._number(self.mean(self.root))
                return sum(self._number(self.mean(c)) < limit for c in nodes), "n"
            case ["balance", "coordination", "above"]:
                return sum(float(half_up(x, 2)) >= 0.8 for x in self.coordination().tolist()), "n"
            case ["balance", "coordination", what]:
                x = self.coordination()
                return float({"mean": x.mean, "min": x.min, "max": x.max}[what]()), "coordination"
            case ["efficiency", "input→effect", what]:
                x = self.efficiency
                found = {"n": x.size, "on_frontier": (x > 1 - 1e-9).sum(), "mean": x.mean()}[what]
                return float(found), "coordination" if what == "mean" else "n"
            case ["leader", "contribution", "sum"]:
                return abs(sum(self.leader_parts(unit).values())), "value"
            case ["robust_units", what, _]:
                return self.robust.over(what), "n" if what != "mean_abs_shift" else what
            case ["data", label, what]:
                at = self.result.units.codes[self.result.row_labels.index(label)]
                rows = self.facts.filter(pl.col("unit") == at, pl.col("state") == "value").height
                wanted = len(self.leaves)
                return {"expected": wanted, "known": rows, "missing": wanted - rows}.get(what, 0), "n"
        raise KeyError(parts)

    def _number(self, mean: float) -> float:
        return float(half_up(mean, self.theme.decimals or 0))

    @cached_property
    def efficiency(self) -> Array:
        inputs, outputs = (self._all(list(self.theme.layers[n].codes)) for n in ("input", "effect"))
        return efficiencies(inputs, outputs)


def fixed_texts(demo: str) -> dict[str, Any]:
    """Return the declared facts of a built-in theme as they stand in its file."""
    root = DEMO.parent / "src" / "citygauge" / "report" / "themes" / demo / "facts.toml"
    if not root.is_file():
        return {}
    return dict(tomllib.loads(root.read_text(encoding="utf-8")).get("facts", {}))


def names(this: Own, language: str) -> dict[str, str]:
    """Return every name that a source of the form name|code may stand for, by its code."""
    result, theme = this.result, this.theme
    settings, framework = result.workspace.settings, result.framework
    with (this.folder / "units.csv").open(encoding="utf-8") as file:
        found = {row["unit"]: row[f"name_{language}"] for row in csv.DictReader(file)}
    if result.illustrative:
        word = "示意城市" if language == "zh" else "Illustrative city"
        found |= {label: f"{word} {label[-2:]}" for label in result.row_labels}
    for rule in theme.groups.values():
        found |= {name: said[language] for name, said in rule.names.items()}
    if result.scale:
        found |= {grade.id: grade.name[language] for grade in result.scale.grades}
    for code in framework.codes:
        found[code] = framework[code].name[language]
    title = settings.name_zh if language == "zh" else settings.name_en
    description = settings.description_zh if language == "zh" else settings.description_en
    return found | {
        "title": title or "", "framework": framework.title[language], "period": settings.period or "",
        "description": description or "",
        "framework-description": framework.description[language],
    }  # fmt: skip


def key_of(where: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in where.split(",") if part)


def expected(this: Own, document: Document, bound: Bound) -> str:  # noqa: PLR0911, PLR0912 - one case each
    """Return what has to stand there, from an own computation or from the files."""
    source, decimals = bound.source, this.theme.decimals or 0
    kind, *rest = source.split("|")
    match kind:
        case "name":
            return expected_name(this, document, bound)
        case "fact":
            fact = fixed_texts(this.demo)[rest[0]]
            value = fact.get("value_en", fact["value"]) if document.language == "en" else fact["value"]
            is_number = isinstance(value, int) and document.language == "en"
            return f"{value:,}" if is_number else str(value)
        case "source":
            at = list(this.result.workspace.sources).index(rest[0]) + 1
            return f"[{at}]" if bound.text == f"[{at}]" else citation(this, rest[0], at)
        case "factor" | "nodes":
            level = int(rest[0].removeprefix("weights."))
            is_last = document.language == "en" and level == 2 and this.demo != SMART  # two levels there
            name = NAMES[document.language][3 if is_last else level]
            if kind == "nodes":
                return name.removeprefix("weights of ").removesuffix("的权重")
            return bound.text if bound.text in (name, name[0].upper() + name[1:]) else name
        case "robust":
            return FIXED[rest[0]]
        case "theme" if rest[0] == "wording.narrow":
            return "3"
        case "theme":
            value = getattr(this.theme.wording, rest[0].removeprefix("wording."))
            is_ratio = rest[0].removeprefix("wording.") in ("balanced", "weak_link", "strong_link")
            return half_up(value, 2) if is_ratio else printed(value, "share", 0)
        case "rows":
            return str({"grades": 3, "cluster_profiles": this.clusters}[rest[0]])
        case "bin":
            return bin_of(document.language, *rest)
        case "edge":
            value = this.value(rest[0], rest[1], key_of(rest[2]))
            return edge_of(document.language, rest[2].removeprefix("grade="), value)
        case "method":
            return method_text(this, rest[0])
        case "none":
            return "–"
        case "over" if len(rest) == 6:
            ends = [cell(this, rest[:3]), cell(this, rest[3:])]
            text = printed((ends[0] or 0.0) - (ends[1] or 0.0), "difference", decimals)
            return text if text.startswith("−") or not text.strip("0.") else f"+{text}"
        case "over":
            value, column = this.over(rest, document.meta["subject"])
            return printed(value, column, decimals)
        case "apart":
            ends = [cell(this, rest[:3]), cell(this, rest[3:])]  # as a reader who has the prints would tell
            apart = [float(printed(end, "mean", decimals).replace("−", "-")) for end in ends]
            return half_up(apart[0] - apart[1], decimals)
    key = key_of(rest[1])
    if kind in ("leader", "advice", "next"):
        key.setdefault("unit_code", document.meta["subject"])
    text = printed(this.value(kind, rest[0], key), rest[0], decimals)
    if rest[0] == "difference" and not text.startswith("−") and text.strip("0."):
        text = f"+{text}"
    return text


def cell(this: Own, source: list[str]) -> float | None:
    table, column, where = source
    return this.value(table, column, key_of(where))


def expected_name(this: Own, document: Document, bound: Bound) -> str:
    code = bound.source.removeprefix("name|")
    known = names(this, document.language)
    framework = this.result.framework
    if code in (sources := this.result.workspace.sources):
        short = re.split(r"[,;:(，；：（]", sources[code].title)[0].strip()
        return short if bound.text == short else sources[code].producer
    if code == "colophon":
        return colophon(document)
    if code in framework and bound.text == framework[code].definition.get(document.language):
        return bound.text
    if code in {key for key, _ in method_settings(this)}:
        return code
    return known[code]


def colophon(document: Document) -> str:
    told = [document.meta[name] for name in ("version", "data", "framework", "method", "theme")]
    assert all(len(text) == 64 for text in told[1:])
    version, *hashes = [text[:16] for text in told]
    if document.language == "zh":
        data, framework, method, theme = hashes
        return f"本报告由CityGauge {version}生成；数据{data}，体系{framework}，方法{method}，主题{theme}。"
    data, framework, method, theme = hashes
    head = f"Made by CityGauge {version}; data {data}, framework {framework}, method {method}"
    return f"{head}, theme {theme}."


def citation(this: Own, key: str, at: int) -> str:
    source = this.result.workspace.sources[key]
    return f"[{at}] {source.citation()} {source.url}".rstrip()


def bin_of(language: str, low: str, high: str) -> str:
    edges = [None if edge == "None" else f"{float(edge):g}" for edge in (low, high)]
    zh, (first, last) = language == "zh", edges
    if not zh:
        first, last = (None if edge is None else f"{float(edge):,.0f}" for edge in edges)
    if first is None:
        return f"{last}亿元以下" if zh else f"below {last} billion yuan"
    if last is None:
        return f"{first}亿元及以上" if zh else f"{first} billion yuan and above"
    return f"{first}—{last}亿元" if zh else f"{first}–{last} billion yuan"


def edge_of(language: str, grade: str, value: float | None) -> str:
    assert {"leading": 0.85, "pioneering": 0.70}[grade] == value
    if grade == "leading":
        return "0.85及以上" if language == "zh" else "0.85 and above"
    return ""  # of the two lower grades, which share an edge; see `test_the_edges_of_the_grades…`


def method_settings(this: Own) -> list[tuple[str, Any]]:
    def flat(data: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for key, value in data.items():
            found += flat(value, f"{before}{key}.") if isinstance(value, dict) else [(before + key, value)]
        return found

    return flat(this.result.method.model_dump(mode="json", exclude_unset=True))


def method_text(this: Own, key: str) -> str:
    value = dict(method_settings(this))[key]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
