"""Workspaces are created whole or not at all, empty for a framework or out of COINr's two tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge.framework.builtin import builtin_names
from citygauge.framework.read import read_framework
from citygauge.problems import InputError, Problems
from citygauge.store.create import import_coinr, new_workspace
from citygauge.workspace import load_workspace

# Index (3) of Eco (2, weight 2) and Soc (2, weight 1); x is divided by Pop, y is better when lower.
META = """\
Level,iCode,iName,Direction,Weight,Unit,Denominator,Parent,Type
1,x,Exports,1,1,USD,Pop,Eco,Indicator
1,y,Debt,-1,1,%,,Eco,Indicator
1,z,Schooling,1,1,years,,Soc,Indicator
2,Eco,Economy,1,2,,,Index,Aggregate
2,Soc,Society,1,1,,,Index,Aggregate
3,Index,The index,1,1,,,,Aggregate
,Pop,Population,,,heads,,,Denominator
,Area,Part of the world,,,,,,Group
"""
DATA = """\
uName,uCode,Area,Time,Pop,x,y,z
Aland,AAA,north,2020,10,100,5,8
Beland,BBB,south,2020,20,100,,12
Celand,CCC,south,2020,40,100,15,10
"""


def pair(folder: Path, data: str = DATA, meta: str = META) -> tuple[Path, Path]:
    (folder / "iData.csv").write_text(data, encoding="utf-8")
    (folder / "iMeta.csv").write_text(meta, encoding="utf-8")
    return folder / "iData.csv", folder / "iMeta.csv"


@pytest.mark.parametrize("name", builtin_names())
def test_a_new_workspace_of_a_builtin_framework_lacks_nothing_but_units_and_facts(tmp_path, name):
    new_workspace(tmp_path / "w", name)
    problems = Problems()
    assert load_workspace(tmp_path / "w", problems) is None
    assert {problem.code for problem in problems} == {"units.empty"}
    assert read_framework(tmp_path / "w" / "framework.csv").codes == cg.builtin(name).codes


@pytest.mark.parametrize("name", builtin_names())
def test_with_units_filled_in_a_new_workspace_lacks_nothing_but_facts(tmp_path, name):
    units = {"unit": "1", "name_zh": "甲"}
    units |= {node.denominator: "10" for node in cg.builtin(name) if node.denominator}
    (tmp_path / "units.csv").write_text(",".join(units) + "\n" + ",".join(units.values()) + "\n", "utf-8")
    new_workspace(tmp_path / "w", name, tmp_path / "units.csv")
    opened = cg.open(tmp_path / "w")
    assert (opened.units.codes, opened.units.names("zh")) == (("1",), ("甲",))
    with pytest.raises(InputError) as error:
        cg.assess(opened)
    assert {problem.code for problem in error.value.problems} == {
        "facts.silent-indicators", "facts.nothing-to-score",
    }  # fmt: skip
    facts = pl.DataFrame({"unit": ["1"], "indicator": [cg.builtin(name).leaves[0]], "value": [None]})
    assert opened.method == cg.from_frames(name, pl.DataFrame({"unit": ["1"]}), facts).method


def test_a_new_workspace_keeps_weight_sets_and_the_path_of_a_framework_may_be_given(tmp_path):
    new_workspace(tmp_path / "w", "egdi")
    new_workspace(tmp_path / "v", str(tmp_path / "w" / "framework.csv"))
    assert dict(read_framework(tmp_path / "v" / "framework.csv").weight_sets) == dict(
        cg.builtin("egdi").weight_sets
    )


def test_a_folder_that_is_not_empty_is_refused_and_untouched(tmp_path):
    folder = tmp_path / "w"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for create in (lambda: new_workspace(folder, "hdi"), lambda: import_coinr(folder, *pair(tmp_path))):
        with pytest.raises(InputError) as error:
            create()
        assert [problem.code for problem in error.value.problems] == ["new.folder-exists"]
        assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_an_empty_folder_and_missing_parents_are_taken(tmp_path):
    (tmp_path / "w").mkdir()
    new_workspace(tmp_path / "w", "hdi")
    new_workspace(tmp_path / "deep" / "down", "hdi")
    assert (tmp_path / "w" / "assessment.toml").is_file()
    assert (tmp_path / "deep" / "down" / "assessment.toml").is_file()


@pytest.mark.parametrize(
    ("framework", "units"), [("hdii", None), ("hdi", "name_zh\n甲\n"), ("hdi", "unit\n1\n1\n")]
)
def test_a_failed_new_leaves_nothing(tmp_path, framework, units):
    place = tmp_path / "here"
    place.mkdir()
    file = tmp_path / "units.csv"
    file.write_text(units or "", encoding="utf-8")
    with pytest.raises(InputError):
        new_workspace(place / "w", framework, file if units else None)
    assert list(place.iterdir()) == []


def test_levels_of_coinr_are_reversed_and_pillars_keep_their_weights(tmp_path):
    opened = import_coinr(tmp_path / "w", *pair(tmp_path))
    assert opened.framework.levels == {"Index": 0, "Eco": 1, "Soc": 1, "x": 2, "y": 2, "z": 2}
    assert (opened.framework["Eco"].weight, opened.framework["Soc"].weight) == (2.0, 1.0)
    assert (opened.framework["y"].direction, opened.framework["Eco"].direction) == (-1, None)


def test_denominators_groups_and_time_find_their_places(tmp_path):
    opened = import_coinr(tmp_path / "w", *pair(tmp_path))
    assert opened.framework["x"].denominator == "Pop"
    assert opened.units.numbers("Pop").tolist() == [10.0, 20.0, 40.0]
    assert opened.units.texts("Area") == ("north", "south", "south")
    assert opened.units.names("en") == ("Aland", "Beland", "Celand")
    assert opened.settings.period == "2020"
    assert set(opened.observations.frame["unit_of_measure"]) == {"USD", "%", "years"}


def test_a_gap_of_coinr_is_a_fact_with_the_state_missing(tmp_path):
    frame = import_coinr(tmp_path / "w", *pair(tmp_path)).observations.frame
    gaps = [row for row in frame.to_dicts() if row["state"] != "value"]
    assert [(row["unit"], row["indicator"], row["state"], row["value"]) for row in gaps] == [
        ("BBB", "y", "missing", None)
    ]
    assert frame.height == 9


def test_the_imported_pair_is_scored_as_by_hand(tmp_path):
    # x / Pop is 10, 5, 2.5 → 100, 100/3, 0; y turned is 100, –, 0; z is 0, 100, 50.
    # Eco is 100, 100/3, 0; the index weighs Eco 2 and Soc 1.
    result = cg.assess(import_coinr(tmp_path / "w", *pair(tmp_path)))
    np.testing.assert_allclose(result.index, [200 / 3, (200 / 3 + 100) / 3, 50 / 3], rtol=1e-12)


def test_both_files_are_kept_and_the_sources_name_them(tmp_path):
    data, meta = pair(tmp_path)
    import_coinr(tmp_path / "w", data, meta)
    with (tmp_path / "w" / "sources.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = [(tmp_path / "w" / row["file"]).read_bytes() for row in rows]
    assert kept == [data.read_bytes(), meta.read_bytes()]


def test_a_panel_is_kept_whole_and_asks_for_a_period(tmp_path):
    panel = DATA + "Aland,AAA,north,2021,10,200,5,8\nBeland,BBB,south,2021,20,100,1,12\n"
    opened = import_coinr(tmp_path / "w", *pair(tmp_path, panel))
    assert len(opened.units) == 3
    with pytest.raises(InputError) as error:
        cg.assess(opened)
    assert "settings.several-periods" in [problem.code for problem in error.value.problems]


@pytest.mark.parametrize(
    ("data", "meta", "code"),
    [
        (DATA.replace("x,y", "q,y"), META, "coinr.missing-data-column"),
        (DATA.replace("100,5,", "many,5,"), META, "facts.not-a-number"),
        (DATA + "Aland,AAA,north,2020,10,1,5,8\n", META, "coinr.duplicate-unit"),
        (DATA + "Aland,AAA,south,2021,10,1,5,8\n", META, "coinr.varying-attribute"),
        (DATA, META.replace("2,Soc", "4,Soc"), "coinr.level-gap"),
        (DATA, META.replace("Group", "Tribe"), "coinr.unknown-type"),
        (DATA, META.replace("iCode", "Code"), "coinr.missing-column"),
    ],
)
def test_a_pair_that_cannot_be_used_leaves_nothing(tmp_path, data, meta, code):
    place = tmp_path / "here"
    place.mkdir()
    with pytest.raises(InputError) as error:
        import_coinr(place / "w", *pair(tmp_path, data, meta))
    assert code in [problem.code for problem in error.value.problems]
    assert list(place.iterdir()) == []


def test_the_asem_tables_of_coinr_come_in_whole(tmp_path, reference):
    folder = reference("asem")
    opened = import_coinr(tmp_path / "w", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
    with (folder / "ASEM_iMeta.csv").open(encoding="utf-8-sig", newline="") as stream:
        meta = list(csv.DictReader(stream))
    with (folder / "ASEM_iData.csv").open(encoding="utf-8-sig", newline="") as stream:
        data = list(csv.DictReader(stream))
    indicators = [row["iCode"] for row in meta if row["Type"] == "Indicator"]
    top = max(int(float(row["Level"])) for row in meta if row["Level"] not in {"", "NA"})
    for row in meta:
        if row["Type"] in {"Indicator", "Aggregate"}:
            assert opened.framework.levels[row["iCode"]] == top - int(float(row["Level"]))
    assert set(opened.framework.leaves) == set(indicators)
    assert opened.units.codes == tuple(row["uCode"] for row in data)
    assert opened.observations.frame.height == len(data) * len(indicators)
    gaps = sum(row[code] in {"", "NA"} for row in data for code in indicators)
    assert opened.observations.frame["value"].null_count() == gaps
    assert [row["iCode"] for row in meta if row["Type"] == "Denominator"] == [
        name for name in opened.units.attributes if name in {"Area", "Energy", "GDP", "Population"}
    ]
