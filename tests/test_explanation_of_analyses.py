"""The worked numbers of the page on analyses are what is computed, by SciPy, scikit-learn and by hand."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn.cluster
import sklearn.metrics
from babel.messages.pofile import read_po
from scipy import stats

import citygauge as cg
from citygauge.analyse.additive import nested_orders, order_shares
from citygauge.analyse.balance import balance, short_boards
from citygauge.analyse.clusters import cluster_profiles
from citygauge.analyse.economy import relation
from citygauge.analyse.frontier import envelopment
from citygauge.analyse.gaps import pillar_gaps
from citygauge.analyse.groups import Grouping, group_tests
from citygauge.analyse.peers import nearest
from citygauge.analyse.spatial import spatial

ROOT = Path(__file__).resolve().parent.parent
PAGE = "explanation/what-the-analyses-say"
CITY, BEIJING = "510100", "110000"
PEERS = ["gdp", "resident_population"]
PILLARS = ("INN", "CON", "ECO", "SRV", "SEC", "ENV")


@pytest.fixture(scope="module")
def result() -> cg.Result:
    return cg.assess(cg.open(ROOT / "demo/city-statistics-2023"))


def figures(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def index_of(result: cg.Result, code: str = "CITYSTAT") -> dict[str, float]:
    return dict(zip(result.units.codes, result.aggregated.column(code).tolist(), strict=True))


def attribute(result: cg.Result, name: str) -> dict[str, float]:
    return dict(zip(result.units.codes, result.units.numbers(name).tolist(), strict=True))


def group_lines(result: cg.Result) -> list[str]:
    """Return the lines on groups by GDP, from SciPy's tests and sums of squares by hand."""
    index, gdp = index_of(result), attribute(result, "gdp")
    limits = (-np.inf, 7500, 10000, 20000, np.inf)
    groups = [[index[c] for c in index if low <= gdp[c] < high] for low, high in itertools.pairwise(limits)]
    whole, n, k = np.mean(list(index.values())), len(index), len(groups)
    between = sum(len(g) * (np.mean(g) - whole) ** 2 for g in groups)
    within = sum(((np.array(g) - np.mean(g)) ** 2).sum() for g in groups)
    noise = within / (n - k)
    weight = [len(g) / np.var(g, ddof=1) for g in groups]
    share = np.array(weight) / sum(weight)
    uneven = sum((1 - w) ** 2 / (len(g) - 1) for w, g in zip(share, groups, strict=True))
    centre = sum(w * np.mean(g) for w, g in zip(share, groups, strict=True))
    apart = sum(w * (np.mean(g) - centre) ** 2 for w, g in zip(weight, groups, strict=True)) / (k - 1)
    f, free = apart / (1 + 2 * (k - 2) / (k**2 - 1) * uneven), (k**2 - 1) / (3 * uneven)
    ranks, p = stats.kruskal(*groups), stats.f.sf(f, k - 1, free)
    return [
        *(f"{len(g)} cities, mean {np.mean(g):.2f}" for g in groups),
        f"between groups {between:.2f}, within {within:.2f}",
        f"{between:.2f} / ({between:.2f} + {within:.2f}) = {between / (between + within):.3f}",
        f"({between:.2f} - {k - 1} × {noise:.2f}) / ({between:.2f} + {within:.2f} + {noise:.2f}) = "
        f"{(between - (k - 1) * noise) / (between + within + noise):.3f}",
        f"Welch: F = {f:.2f} on {k - 1} and {free:.1f} degrees of freedom, p = {p:.4f}",
        f"Kruskal-Wallis: H = {ranks.statistic:.2f}, p = {ranks.pvalue:.5f}",
    ]


def relation_lines(result: cg.Result) -> list[str]:
    index, gdp = index_of(result), attribute(result, "gdp")
    x, y = np.log2([gdp[c] for c in index]), np.array(list(index.values()))
    r = np.corrcoef(x, y)[0, 1]
    reach = 1.96 / np.sqrt(len(x) - 3)
    low, high = np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
    return [
        f"Pearson's r = {r:.3f}, from {low:.3f} to {high:.3f}",
        f"{r:.3f} × {r:.3f} = {r * r:.3f}",
        f"{np.polyfit(x, y, 1)[0]:.2f} points for each doubling of GDP",
    ]


def layer_lines(smart: cg.Result) -> list[str]:
    weight = smart.effective_weights
    layers = []
    for codes in (("T", "R"), ("A", "M"), ("S",)):
        columns = np.column_stack([smart.aggregated.column(code) for code in codes])
        layers.append(np.average(columns, axis=1, weights=[weight[code] for code in codes]))
    r = np.corrcoef(layers)
    a, b, c = r[0, 1], r[1, 2], r[0, 2]
    partial = (c - a * b) / np.sqrt((1 - a * a) * (1 - b * b))
    return [
        f"input and output {a:.3f}, output and effect {b:.3f}, input and effect {c:.3f}",
        f"({c:.3f} - {a:.3f} × {b:.3f}) / √((1 - {a:.3f}²) (1 - {b:.3f}²)) = {partial:.3f}",
    ]


def balance_lines(result: cg.Result) -> list[str]:
    pillars = [index_of(result, code)[CITY] for code in PILLARS]
    product, mean = float(np.prod(pillars)) ** (1 / 6), float(np.mean(pillars))
    degree, shown = product / mean, ", ".join(f"{pillar:.2f}" for pillar in pillars)
    return [
        f"{shown}: geometric mean {product:.2f}, arithmetic mean {mean:.2f}",
        f"C = {product:.2f} / {mean:.2f} = {degree:.3f}",
        f"D = √({degree:.3f} × {mean / 100:.3f}) = {np.sqrt(degree * mean / 100):.3f}",
    ]


def short_line(result: cg.Result) -> str:
    scores = index_of(result, "sewage_treated")
    column, own = np.array(list(scores.values())), scores[CITY]
    mean, sd = np.nanmean(column), np.nanstd(column, ddof=1)
    return f"sewage treated: ({own:.2f} - {mean:.2f}) / {sd:.2f} = {(own - mean) / sd:.2f}"


def peers_line(result: cg.Result) -> str:
    logs = np.log(np.column_stack([result.units.numbers(name) for name in PEERS]))
    known = ~np.isnan(logs).any(axis=1)
    logs = (logs - logs[known].mean(axis=0)) / logs[known].std(axis=0, ddof=1)
    distance = np.linalg.norm(logs - logs[result.units.codes.index(CITY)], axis=1)
    names = result.units.names("en")
    return ", ".join(f"{names[i]} {distance[i]:.2f}" for i in np.argsort(distance)[1:6])


def apart_lines(result: cg.Result) -> list[str]:
    ours, theirs = (index_of(result, "CON")[code] for code in (CITY, BEIJING))
    whole, first = (index_of(result)[code] for code in (CITY, BEIJING))
    part, gap = (ours - theirs) / 6, whole - first
    return [
        f"({ours:.2f} - {theirs:.2f}) / 6 = {part:.2f}",
        f"{part:.2f} of {whole:.2f} - {first:.2f} = {gap:.2f} is {part / gap * 100:.1f} %",
    ]


def gain_line(result: cg.Result) -> str:
    scores = index_of(result, "telecom_revenue")
    most, own = np.nanmax(list(scores.values())), scores[CITY]
    assert result.effective_weights["telecom_revenue"] == pytest.approx(1 / 18)
    return f"({most:g} - {own:.2f}) / 18 = {(most - own) / 18:.2f}"


def space_line(result: cg.Result) -> str:
    lat, lon = (np.radians(result.units.numbers(name)) for name in ("lat", "lon"))
    arc = np.sin(lat) * np.sin(lat)[:, None] + np.cos(lat) * np.cos(lat)[:, None] * np.cos(lon - lon[:, None])
    arc = np.arccos(np.clip(arc, -1, 1))
    np.fill_diagonal(arc, np.inf)
    z = result.index - result.index.mean()
    near = np.argsort(arc, axis=1)[:, :5]
    moran = float((z[:, None] * z[near]).sum() / 5 / (z @ z))
    p = spatial(result, ["CITYSTAT"])["p_permutation"].item()
    return f"I = {moran:.3f}, expected -1 / 49 = {-1 / 49:.3f}, p = {p:.2f}"


def type_lines(result: cg.Result) -> list[str]:
    pillars = np.column_stack([list(index_of(result, code).values()) for code in PILLARS])
    scaled = (pillars - pillars.mean(axis=0)) / pillars.std(axis=0, ddof=1)
    found = [sklearn.cluster.AgglomerativeClustering(k).fit_predict(scaled) for k in range(2, 7)]
    widths = [sklearn.metrics.silhouette_score(scaled, labels) for labels in found]
    assert widths.index(max(widths)) == 0
    parts = sorted((result.index[found[0] == label] for label in (0, 1)), key=len)
    return [
        f"mean silhouette: {widths[0]:.3f} with two clusters, {widths[1]:.3f} with three",
        f"{len(parts[0])} cities with a mean index of {parts[0].mean():.2f}, "
        f"{len(parts[1])} with {parts[1].mean():.2f}",
    ]


def test_every_worked_number_of_the_analyses_is_what_is_computed(result: cg.Result) -> None:
    text = (ROOT / f"docs/{PAGE}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    mean, sd = result.index.mean(), result.index.std(ddof=1)
    pairs = np.abs(result.index - result.index[:, None]).mean()
    smart = cg.assess(cg.open(ROOT / "demo/smart-2021"))
    rates = [made / used / 2 for used, made in ((1, 1), (2, 4), (4, 5))]  # 2 is the best rate
    expected = [
        [f"index: mean {mean:.2f}, standard deviation {sd:.2f}", f"{sd:.2f} / {mean:.2f} = {sd / mean:.3f}",
         f"Gini coefficient {pairs / 2 / mean:.3f}"],
        group_lines(result), relation_lines(result), layer_lines(smart),
        [f"constant returns: {', '.join(f'{rate:.3f}' for rate in rates)}",
         "variable returns: 1.000, 1.000, 1.000"],  # the least used, the best rate, the most made
        balance_lines(result), [short_line(result)], [peers_line(result)],
        ["√(16 × 9) - √(4 × 1) = 10", f"first part: ((4 - 2) + (12 - 6)) / 2 = {(2 + 6) / 2:g}",
         f"second part: ((12 - 4) + (6 - 2)) / 2 = {(8 + 4) / 2:g}"],
        apart_lines(result), [gain_line(result)], [space_line(result)], type_lines(result),
    ]  # fmt: skip
    assert [block.splitlines() for block in blocks] == expected
    with (ROOT / f"docs/locale/zh_CN/LC_MESSAGES/{PAGE}.po").open("rb") as stream:
        catalogue = read_po(stream)
    assert [figures(str(catalogue[block].string)) for block in blocks] == [figures(block) for block in blocks]


def test_the_analyses_of_a_report_find_the_worked_numbers(result: cg.Result) -> None:
    text = (ROOT / f"docs/{PAGE}.md").read_text(encoding="utf-8")
    test = group_tests(result, Grouping("gdp", edges=(7500, 10000, 20000)), ["CITYSTAT"]).row(0, named=True)
    related = relation(result, "gdp", ["CITYSTAT"]).row(0, named=True)
    even = balance(result).filter(unit_code=CITY).row(0, named=True)
    first = short_boards(result, n=1).filter(unit_code=CITY).row(0, named=True)
    gap = pillar_gaps(result, CITY, BEIJING).filter(code="CON").row(0, named=True)
    moran = spatial(result, ["CITYSTAT"], permutations=0).row(0, named=True)
    wanted = [test[key] for key in ("eta_squared", "omega_squared")]
    wanted += [related[key] for key in ("pearson", "pearson_low", "pearson_high", "r_squared")]
    wanted += [even["coupling"], even["coordination"], moran["moran"]]
    shown = [f"{value:.3f}" for value in wanted]
    shown += [f"{test['welch_f']:.2f}", f"{test['kruskal_h']:.2f}", f"{related['slope']:.2f}"]
    shown += [f"{first['z']:.2f}", f"{gap['contribution']:.2f}"]
    shown += [f"{d:.2f}" for d in nearest(result, PEERS).filter(unit_code=CITY)["distance"]]
    assert [figure for figure in shown if figure not in text] == []
    assert first["code"] == "sewage_treated"
    parts = order_shares(
        lambda sets: np.where(sets, [16, 9], [4, 1]).prod(axis=1) ** 0.5, nested_orders([0, 1])
    )
    assert parts.tolist() == [4, 6]
    tried = envelopment(np.array([[1.0], [2], [4]]), np.array([[1.0], [4], [5]]), "variable")
    assert tried.efficiency.tolist() == [1, 1, 1]
    assert cluster_profiles(result).filter(code="CITYSTAT")["n"].to_list() == [7, 43]
