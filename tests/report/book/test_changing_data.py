"""Other data, another text: every figure, name and word of a report follows what is assessed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from own_figures import Own, expected
from report_samples import (
    LANGUAGES,
    SMART,
    YEARBOOK,
    Rows,
    bounds,
    changed,
    line_with,
    made,
    paragraph,
    report,
    result_of,
    text_of,
    themed,
    told_means,
)  # fmt: skip

import citygauge as cg
from citygauge.problems import Language
from citygauge.report.book.document import Bound, Document

RANDOM = ("spatial|p_permutation", "robust_indices|total_effect", "edge|grades|edge|grade=pioneering")
BEIJING, HANGZHOU, LINYI = "110000", "330100", "371300"


def one_indicator(rows: Rows) -> Rows:
    """The hospital beds of every city squared, which spreads the cities otherwise."""
    for row in rows:
        if row["indicator"] == "hospital_beds" and row["value"]:
            row["value"] = str(float(row["value"]) ** 2)
    return rows


def swapped(rows: Rows) -> Rows:
    """Beijing and Linyi with each other's facts; both have all."""
    other = {BEIJING: LINYI, LINYI: BEIJING}
    return [{**row, "unit": other.get(row["unit"], row["unit"])} for row in rows]


def thinned(rows: Rows) -> Rows:
    """Without the mobile subscribers of a third of the cities, and the sewage of another."""
    gone = {"mobile_subscribers": 0, "sewage_treated": 1}
    kept = (BEIJING, LINYI)
    return [r for r in rows if r["unit"] in kept or int(r["unit"]) // 100 % 3 != gone.get(r["indicator"])]


def richer(rows: Rows) -> Rows:
    """Linyi with the GDP of Shanghai, which changes what is divided by GDP too, its group and its peers."""
    return [{**row, "gdp": "47219" if row["unit"] == LINYI else row["gdp"]} for row in rows]


CHANGES: dict[str, dict[str, Callable[[Rows], Rows]]] = {
    "one-indicator": {"facts": one_indicator}, "swapped": {"facts": swapped}, "richer": {"units": richer},
    "thinned": {"facts": thinned},
}  # fmt: skip


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], cg.Result]:
    """Return a function that gives the yearbook's example under one of the changes."""
    folder = tmp_path_factory.mktemp("changed")
    return cache(lambda name: changed(folder / name, YEARBOOK, **CHANGES[name]))


def check(this: Own, document: Document) -> int:
    """Hold every bound part of a report against an own computation on the data it was made from."""
    kinds = [b for _, b in bounds(document) if b.source.startswith("cluster_profiles|cluster|")]
    this.kept["clusters",] = {"n": len({b.text for b in kinds}) or 2}
    wrong = {
        (bound.source, bound.text, should)
        for _, bound in bounds(document)
        if not bound.source.startswith(RANDOM) and bound.text != (should := expected(this, document, bound))
    }
    assert not wrong, (len(wrong), sorted(wrong)[:8])
    return sum(1 for _ in bounds(document))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHANGES)
def test_every_figure_of_a_report_on_changed_data_is_that_of_these_data(
    other: Callable[[str], cg.Result], name: str, language: Language
) -> None:
    result = other(name)
    this = Own(YEARBOOK, result, themed(result))
    assert check(this, made(result, language)) > 1000
    assert check(this, made(result, language, "city", LINYI)) > 100


def test_two_cities_that_swap_their_facts_swap_their_places_and_no_more(
    other: Callable[[str], cg.Result],
) -> None:
    """Each is divided by its own residents still, so that the scores are near the other's, not the same."""
    before, after = result_of(YEARBOOK).ranking, other("swapped").ranking
    ranks = [dict(frame.select("unit_code", "rank").iter_rows()) for frame in (before, after)]
    assert ranks[0][BEIJING] == 1
    assert ranks[1][BEIJING] > 1
    new = text_of(made(other("swapped"), "zh"))
    first = after["name_zh"][0]
    assert paragraph(made(other("swapped"), "zh"), f"首位{first}得分")
    assert f"首位{before['name_zh'][0]}得分" not in new


def test_figures_that_should_have_changed_stand_nowhere(other: Callable[[str], cg.Result]) -> None:
    old, new = (
        {b.source: b for _, b in bounds(document) if isinstance(b.value, int | float)}
        for document in (report(YEARBOOK, "zh"), made(other("one-indicator"), "zh"))
    )
    shared = old.keys() & new.keys()
    moved = {key for key in shared if old[key].value != pytest.approx(new[key].value, abs=1e-12)}
    touched = {
        key for key in shared if "hospital_beds" in key or "code=SRV" in key or key.endswith("=CITYSTAT")
    }
    tables = ("describe|mean", "describe|sd", "ranking|value", "groups:size|mean", "groups:region|mean")
    still = {key for key in touched - moved if key.startswith(tables)}
    assert not still
    free = {key for key in moved if "code=INN" in key and key.startswith(("describe", "scores", "groups"))}
    assert not free  # what has nothing to do with hospital beds is as it was


def test_the_order_of_the_pillars_turns_with_their_means(other: Callable[[str], cg.Result]) -> None:
    """Public services were third and are fifth now."""
    places = []
    for result in (result_of(YEARBOOK), other("one-indicator")):
        this = Own(YEARBOOK, result, themed(result))
        told = list(told_means(line_with(made(result, "en"), "pillars", "mean")))
        assert told == sorted(this.pillars, key=lambda code: -this.mean(code))
        places.append(told.index("SRV") + 1)
    assert places == [3, 5]


def test_a_city_without_facts_is_left_out_everywhere(tmp_path: Path) -> None:
    result = changed(
        tmp_path / "x", YEARBOOK, lambda rows: [row for row in rows if row["unit"] != BEIJING]
    )  # fmt: skip
    document = made(result, "en")
    unit = [b for _, b in bounds(document) if b.source in (f"name|{BEIJING}", f"ranking|rank|{BEIJING}")]
    assert not unit
    told = next(b for _, b in bounds(document) if b.source == "describe|n|code=CITYSTAT")
    assert told.text == "49"


def test_other_grades_move_the_cities_of_the_lists_but_only_published_ones_are_named(tmp_path: Path) -> None:
    """With Hangzhou at 0.5 throughout its own grade is not the published one, so that it is not told."""
    result = changed(
        tmp_path / "x", SMART,
        lambda rows: [{**row, "value": "0.5" if row["unit"] == HANGZHOU else row["value"]} for row in rows],
    )  # fmt: skip
    grid = next(grid for grid in made(result, "zh").grids if grid.key == "grades")
    told = [s.source for row in grid.rows for cell in row if cell for s in cell.spans if isinstance(s, Bound)]
    assert f"name|{HANGZHOU}" not in told
    assert [row[2].spans[0].text for row in grid.rows if row[2]] == ["7", "17", "26"]
    assert [len(row[3].spans) // 2 + 1 for row in grid.rows if row[3]] == [7, 17, 25]
