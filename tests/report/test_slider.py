"""The page of movable weights: its engine against Python and COINr, its words, and what it tells of whom."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge import Method, Result
from citygauge.indicators.table import mean_table
from citygauge.problems import Problems
from citygauge.report.slider import slider_page, write_slider
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.grade import Grade, GradeScale, grade
from citygauge.score.means import arithmetic, generalised, geometric, harmonic
from citygauge.score.rank import rank
from citygauge.score.steps import plan_of
from citygauge.store.create import import_coinr
from conftest import FRAMEWORK, ROOT, SOURCED

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
needs_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
RUN = """
const numbers = (column) => Array.from(column, (one) => (one === one ? one : null));
const read = (list) => Float64Array.from(list, (one) => (one === null ? NaN : one));
const answer = (task) => {
  if (task.values) {
    const values = read(task.values);
    const order = values.length ? [...values.keys()].reverse() : [];
    const grades = citygauge.graded(values, task.edges, task.slack);
    return { ranks: [...citygauge.ranked(values, order)], grades };
  }
  const model = citygauge.model(task.data);
  const first = { scores: numbers(model.scores), ranks: [...model.ranks] };
  const all = task.sets.map((set) => {
    for (const children of model.counted.filter((some) => some.length)) {
      for (const child of children) {
        model.weights[child] = set[task.data.nodes[child].code] ?? model.weights[child];
      }
      model.update(task.data.nodes[children[0]].parent);
    }
    return { scores: numbers(model.scores), ranks: [...model.ranks] };
  });
  return [first, ...all];
};
const answers = (tasks) => JSON.stringify(tasks.map(answer));
"""
Shares = Mapping[str, float]


def script() -> str:
    place = resources.files("citygauge").joinpath("report", "templates", "slider.engine.js")
    return place.read_text(encoding="utf-8")


def computed(tasks: Sequence[Any], folder: Path) -> list[Any]:
    """Return what the engine of the page answers, by Node.js or, where there is none, a browser."""
    told = json.dumps(tasks).replace("<", "\\u003c")
    if NODE is not None:
        program = f"{script()}\n{RUN}\nprocess.stdout.write(answers({told}));"
        done = subprocess.run(
            [NODE, "-"], input=program, capture_output=True, timeout=120, check=True, encoding="utf-8"
        )
        answers: list[Any] = json.loads(done.stdout)
        return answers
    if CHROMIUM is None:
        pytest.skip("neither Node.js nor Chromium is installed")
    last = f"document.body.textContent = answers({told});"
    page = f"<!doctype html><meta charset=utf-8><body><script>{script()}\n{RUN}\n{last}</script>"
    (folder / "engine.html").write_text(page, encoding="utf-8")
    shown = dumped((folder / "engine.html").as_uri(), folder)
    body = re.search(r"<body>(.*)</body>", shown, re.DOTALL)
    assert body
    found: list[Any] = json.loads(html.unescape(body[1]))
    return found


def dumped(address: str, folder: Path) -> str:
    """Return a page as it stands once its scripts have run."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1200,1000",
        f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=20000", "--dump-dom", address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, text=True, encoding="utf-8")
    return done.stdout


def data_of(result: Result, language: Any = "en") -> dict[str, Any]:
    """Return what stands in the page for its scripts."""
    page = slider_page(result, language)
    found = re.search(r'<script type="application/json" id="slider-data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def groups_of(data: Mapping[str, Any]) -> list[list[str]]:
    """Return the codes of siblings whose weights the page can move."""
    found: dict[int, list[str]] = {}
    for node in data["nodes"]:
        if node["parent"] >= 0 and not node["role"]:
            found.setdefault(node["parent"], []).append(node["code"])
    return list(found.values())


def random_shares(data: Mapping[str, Any], rng: np.random.Generator) -> dict[str, float]:
    """Draw shares of all siblings, a few of them 0."""
    given: dict[str, float] = {}
    for codes in groups_of(data):
        drawn = rng.dirichlet(np.ones(len(codes))) * (rng.random(len(codes)) > 0.15)
        total = drawn.sum()
        shares = drawn / total if total else np.full(len(codes), 1 / len(codes))
        given |= dict(zip(codes, shares.tolist(), strict=True))
    return given


def index_of(result: Result, shares: Shares) -> np.ndarray:
    """Return the index under other weights as Python computes it, in the page's order of the units."""
    plan = plan_of(result.method, result.framework, {**result.shares, **shares})
    tables = [each.normalised for each in result.strata.values()] or [result.normalised]
    nodes = [aggregate_nodes(table, plan, result.framework, Problems())[0] for table in tables]
    whole = mean_table(nodes, result.framework.codes)
    order = [result.row_labels.index(label) for label in result.ranking["unit_code"]]
    return whole.values[order, 0]


def assert_agrees(results: Sequence[Result], folder: Path, sets: int = 4) -> None:
    """The scores of the page are those of Python under random weights, to 1e-12, and the ranks the same."""
    rng, tasks = np.random.default_rng(7), []
    for result in results:
        data = data_of(result)
        assert any(len(codes) > 1 for codes in groups_of(data))
        tasks.append({"data": data, "sets": [random_shares(data, rng) for _ in range(sets)]})
    for result, task, answers in zip(results, tasks, computed(tasks, folder), strict=True):
        for shares, answer in zip([{}, *task["sets"]], answers, strict=True):
            expected = index_of(result, shares)
            np.testing.assert_allclose(np.array(answer["scores"], float), expected, rtol=1e-12, atol=0)
            assert answer["ranks"] == rank(expected[:, None])[:, 0].tolist()
        assert answers[0]["ranks"] == task["data"]["published"]


def with_rules(result: Result, **rules: Any) -> Result:
    """Return the result with another aggregation."""
    method = Method.model_validate({**result.method.model_dump(), "aggregate": rules})
    return cg.assess(result.workspace, method)


@pytest.fixture
def small(workspace: Callable[..., Path]) -> Callable[..., Result]:
    """Return a function that gives the result of a small workspace of three cities, any file replaced."""
    return lambda **files: cg.assess(cg.open(workspace(**{"observations__csv": SOURCED, **files})))


def demo(name: str) -> Result:
    return cg.assess(cg.open(ROOT / "demo" / name))


def test_weights_moved_by_hand_give_the_scores_of_the_hand(small, tmp_path):
    # P, Q of unit 1: 0.8, 0.5; of unit 2: 0.55, 0.7; of unit 3: 0.2, 0.3. With a alone in P: 0.8, 0.6, 0.4.
    sets = [{"P": 0.5, "Q": 0.5}, {"P": 0.25, "Q": 0.75}, {"P": 0.5, "Q": 0.5, "a": 1.0, "b": 0.0}]
    [answers] = computed([{"data": data_of(small()), "sets": sets}], tmp_path)
    assert [np.round(one["scores"], 12).tolist() for one in answers] == [
        [0.68, 0.61, 0.24], [0.65, 0.625, 0.25], [0.575, 0.6625, 0.275], [0.65, 0.65, 0.35],
    ]  # fmt: skip
    assert [one["ranks"] for one in answers] == [[1, 2, 3], [1, 2, 3], [2, 1, 3], [1, 1, 3]]


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("aggregated_amean_custom_weights.csv", {"how": "arithmetic"}),
        ("aggregated_gmean_custom_weights.csv", {"how": "geometric"}),
        ("aggregated_hmean_custom_weights.csv", {"how": "harmonic"}),
        ("aggregated_mixed_amean_gmean_amean_custom_weights.csv", {"by": {"1": {"how": "geometric"}}}),
    ],
)
def test_the_page_of_equal_weights_gives_coinrs_scores_under_coinrs_custom_weights(
    reference, tmp_path, file, rules
):
    folder = reference("asem")
    opened = import_coinr(tmp_path / "asem", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
    method = Method.model_validate(
        {
            "impute": {"how": "group_mean", "group": "EurAsia_group"},
            "treat": {"how": "winsorise_then", "max_points": 5},
            "normalise": {"how": "minmax", "low": 1, "high": 100},
            "aggregate": rules,
        }
    )
    result = cg.assess(opened, method)
    data = data_of(result)
    custom = dict(pl.read_csv(folder / "weights_custom.csv").select("iCode", "Weight").iter_rows())
    shares = {
        code: custom[code] / sum(custom[sibling] for sibling in codes)
        for codes in groups_of(data)
        for code in codes
    }
    [[_, answer]] = computed([{"data": data, "sets": [shares]}], tmp_path)
    theirs = dict(pl.read_csv(folder / file).select("uCode", "Index").iter_rows())
    expected = [theirs[unit] for unit in result.ranking["unit_code"]]
    np.testing.assert_allclose(answer["scores"], expected, rtol=1e-9)


def test_the_page_agrees_with_the_engine_on_the_demos_and_with_every_mean(tmp_path):
    cities, smart = demo("city-statistics-2023"), demo("smart-2021")
    by = {"1": {"how": "geometric", "min_availability": 0.7}, "0": {"how": "generalised", "power": 0.5}}
    results = [cities, smart, with_rules(smart, how="harmonic"), with_rules(cities, by=by)]
    powers = [with_rules(smart, how="generalised", power=power) for power in (-2.5, -1, 0, 1e-9, 3)]
    fixed = with_rules(cities, by={cities.framework.children("CITYSTAT")[0]: {"how": "copeland"}})
    assert_agrees([*results, *powers, fixed], tmp_path, sets=3)


def test_the_page_agrees_where_values_are_missing_or_not_applicable_and_parents_need_their_share(
    workspace, tmp_path
):
    rng = np.random.default_rng(3)
    tree = ["I,,", "P,I,", "Q,I,", "R,I,", "X,P,", "Y,P,"]
    leaves = [f"{parent.lower()}{i},{parent},1" for parent in "XYQR" for i in range(4)]
    codes = [leaf.split(",")[0] for leaf in leaves]
    results = []
    for limits in ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 0.75, 0.6)):
        lines = ["unit,indicator,value,state"]
        for unit in range(25):
            for code in codes:
                drawn, value = rng.random(), int(rng.integers(0, 4)) * 25
                state = "not_applicable" if drawn < 0.2 else "missing" if drawn < 0.4 else "value"
                lines.append(f"u{unit},{code},{value if state == 'value' else ''},{state}")
        levels = zip("012", limits, ("arithmetic", "geometric", "harmonic"), strict=True)
        by = "".join(f'[aggregate.by."{n}"]\nhow = "{how}"\nmin_availability = {x}\n' for n, x, how in levels)
        goal = '[normalise]\nhow = "goalposts"\nlow = 0\nhigh = 100\n'
        folder = workspace(
            framework__csv="code,parent,direction,low,high\n"
            + "".join(f"{line},,\n" for line in tree)
            + "".join(f"{line},0,100\n" for line in leaves),
            units__csv="unit\n" + "".join(f"u{unit}\n" for unit in range(25)),
            observations__csv="\n".join(lines) + "\n",
            method__toml=goal + by,
        )
        results.append(cg.assess(cg.open(folder)))
    assert all(len(set(result.ranks[:, 0].tolist())) > 3 for result in results)
    assert (results[2].ranks[:, 0] == 0).any()
    assert_agrees(results, tmp_path, sets=6)


def test_the_page_agrees_where_bonuses_deductions_caps_and_vetoes_count(workspace, tmp_path):
    tree = """\
code,parent,name_en,points,cap,role,direction,unit,scheme
I,,Total,100,104,,,,
P,I,Services,60,,,,,
a,P,Share,40,,,1,%,>=90: 40 ; >=60: 25 ; else: 0
b,P,Parts,20,,,1,item,each: 4
Q,I,Management,40,,,,,
c,Q,Errors,40,,,-1,item,each: -2
d,Q,Notices,30,,deduction,,item,each: 10
B,I,Extras,70,,bonus,,,
e,B,Models,50,,,1,item,each: 15
f,B,Pilots,20,,,1,item,each: 20
V,I,Accident,59,,veto,,item,
W,Q,Fraud,,,veto,,item,
"""
    rng = np.random.default_rng(5)
    most = {"a": 100, "b": 5, "c": 20, "d": 3, "e": 4, "f": 2}
    lines = ["unit,indicator,value"]
    for unit in range(30):
        lines += [
            f"{unit},{code},{rng.integers(0, top + 1)}" for code, top in most.items() if rng.random() < 0.85
        ]
        lines += [f"{unit},{code},{int(rng.random() < 0.2)}" for code in "VW"]
    folder = workspace(
        framework__csv=tree,
        units__csv="unit\n" + "".join(f"{unit}\n" for unit in range(30)),
        observations__csv="\n".join(lines) + "\n",
        method__toml='[normalise]\nhow = "points"\n',
    )
    result = cg.assess(cg.open(folder))
    full = result.method.normalise.range[1]
    assert np.isclose(result.index, 1.04 * full).any()  # the cap
    assert (result.aggregated.column("Q") == 0).any()  # more taken away than there was
    assert_agrees([result], tmp_path, sets=12)


def test_the_page_agrees_where_inner_nodes_have_scores_of_their_own_and_in_strata(workspace, tmp_path):
    own = FRAMEWORK.replace("P,I,1,支柱甲,Pillar P,0.6,,,,", "P,I,1,支柱甲,Pillar P,0.6,1,,0,1")
    facts = SOURCED + "2,P,2023,0.9,s\n"
    scored = cg.assess(cg.open(workspace(framework__csv=own, observations__csv=facts)))
    assert scored.from_measures is not None
    inside = "unit,indicator,value,subject\n" + "".join(
        f"{unit},{code},{(17 * i + 31 * unit) % 10},s{i}{unit}\n"
        for unit in (1, 2, 3)
        for i, code in enumerate("aabbcc")
        if (unit, i) != (2, 3)
    )
    subjects = "subject,unit,kind,event\n" + "".join(
        f"s{i}{unit},{unit},site,{'Birth' if i % 2 else 'Work'}\n" for unit in (1, 2, 3) for i in range(6)
    )
    layered = cg.assess(
        cg.open(
            workspace(
                framework__toml='strata = "event"\n',
                rollups__csv="code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,mean\n",
                subjects__csv=subjects,
                observations__csv=inside,
            )
        )
    )
    assert len(layered.strata) == 2
    assert_agrees([scored, layered], tmp_path, sets=6)


def test_the_means_are_pythons_with_gaps_zeros_and_negative_values(tmp_path):
    rng = np.random.default_rng(11)
    values = rng.normal(1, 1, (200, 5))
    values[rng.random(values.shape) < 0.15] = 0
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:100] = np.abs(values[:100])
    weights = np.array([0.4, 0.0, 0.3, 0.2, 0.1])
    rules: list[tuple[dict[str, Any], Any]] = [
        ({"how": "arithmetic"}, arithmetic),
        ({"how": "geometric"}, geometric),
        ({"how": "harmonic"}, harmonic),
    ]
    for power in (-3.0, -1.0, -0.01, 0.0, 1e-9, 0.5, 1.0, 2.0, 40.0):
        rules.append(({"how": "generalised", "power": power}, lambda x, w, p=power: generalised(x, w, p)))
    columns = [[None if np.isnan(value) else value for value in column] for column in values.T.tolist()]
    tasks = []
    for rule, _ in rules:
        children = [
            {"code": str(k), "parent": 0, "share": share, "role": False, "rule": None}
            for k, share in enumerate(weights.tolist())
        ]
        root = {"code": "I", "parent": -1, "share": 1, "role": False, "rule": {**rule, "least": 0}}
        layer = {"values": [None, *columns], "gaps": [[] for _ in range(6)]}
        data = {"units": columns[0], "nodes": [root, *children], "layers": [layer], "index": None}
        tasks.append({"data": data, "sets": []})
    for (rule, mean), [answer] in zip(rules, computed(tasks, tmp_path), strict=True):
        expected = mean(values, weights[:, None])[:, 0]
        np.testing.assert_allclose(
            np.array(answer["scores"], float), expected, rtol=1e-12, atol=0, err_msg=str(rule)
        )


def test_ranks_and_grades_are_pythons_at_ties_edges_and_gaps(tmp_path):
    rng = np.random.default_rng(2)
    step = 2.0**-40
    columns = [
        [], [5.0], [np.nan, np.nan], [3.0] * 4, [0.0, 0.0, np.nan], [0.3, 0.1 + 0.2, np.nan, 0.9],
        [-1.0, -1.0 - step, -2.0, 5e-324],
        (1 + step * np.array([0, 0.4, 0.5, 0.6, 1.4, 1.5, 2.5, 2.6])).tolist(),
    ]  # fmt: skip
    for size in (2, 7, 50, 400):
        close = 1 + step * rng.integers(0, 2 * size, size) * rng.choice([0.3, 0.5, 1.0], size)
        wide = np.round(rng.normal(0, 1, size), 1)
        wide[rng.random(size) < 0.1] = np.nan
        columns += [close.tolist(), wide.tolist(), rng.permutation(np.r_[close, wide]).tolist()]
    edges = [0.85, 0.1 + 0.2, None]
    columns.append([0.85, 0.85 - step, 0.85 - 1.1 * step, 0.3, 0.3 - 2 * step, -4.0, np.nan])
    plain = [[None if np.isnan(value) else value for value in column] for column in columns]
    tasks = [{"values": column, "edges": edges, "slack": step} for column in plain]
    scale = GradeScale("s", {}, 0, 1, tuple(Grade(str(i), edge, {}) for i, edge in enumerate(edges)))
    for column, answer in zip(columns, computed(tasks, tmp_path), strict=True):
        values = np.array(column, float)
        assert answer["ranks"] == rank(values[:, None])[:, 0].tolist()
        assert [str(i) if i >= 0 else "" for i in answer["grades"]] == grade(values, scale)


def rows_of(shown: str) -> list[tuple[str, str, str, str]]:
    """Return rank, name, score in full and change of each row of a page."""
    body = re.search(r'<tbody id="rows">(.*?)</tbody>', shown, re.DOTALL)
    assert body
    found = []
    for row in re.findall(r"<tr.*?</tr>", body[1]):
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)
        value = re.search(r'<data value="([^"]*)"', cells[2])
        change = re.sub(r"<span class=\"unseen\">.*?</span>|<[^>]*>", "", cells[4])
        found.append((cells[0], cells[1], value[1] if value else "", change))
    return found


@needs_a_browser
def test_a_page_opened_at_an_address_with_weights_shows_the_ranking_under_them(small, tmp_path):
    [zh, _] = write_slider(small(), tmp_path / "out")
    shown = dumped(f"{zh.as_uri()}#w=P:0.25,Q:0.75", tmp_path)
    rows = rows_of(shown)
    assert [(*row[:2], row[3]) for row in rows] == [
        ("1", "台州", "▲1"), ("2", "苏州", "▼1"), ("3", "成都", "–"),
    ]  # fmt: skip
    np.testing.assert_allclose([float(row[2]) for row in rows], [0.6625, 0.575, 0.275], rtol=1e-12)
    assert 'aria-valuetext="25.0%"' in shown
    assert '<dd id="changed">2 / 3</dd>' in shown
    assert '<dd id="mean-change">0.67位</dd>' in shown
    assert "上升最多：台州（1位）" in shown
    assert "原60.0%" in shown


DRIVE = """
const say = (name, told) => {
  const line = document.body.appendChild(document.createElement("p"));
  line.id = name;
  line.textContent = JSON.stringify(told);
};
const wait = (time) => new Promise((done) => setTimeout(done, time));
const field = (name, kind) => [...document.querySelectorAll(".weight")]
  .find((one) => one.querySelector("label").textContent === name).querySelector(`[type=${kind}]`);
const type = (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); };
const names = ["Pillar P", "Pillar Q", "Indicator a", "Indicator b", "Indicator d"];
const shown = () => names.map((name) => field(name, "number").value);
requestAnimationFrame = (next) => setTimeout(next, 0);  // nothing is drawn where only the DOM is wanted
(async () => {
  let saved = null;
  // The text itself: to read it back takes time that is not the page's, and the page may be gone before.
  window.Blob = class { constructor(parts) { this.text = parts.join(""); } };
  URL.createObjectURL = (blob) => { saved = blob.text; return "data:,"; };
  HTMLAnchorElement.prototype.click = () => {};
  type(field("Pillar P", "range"), "25");
  await wait(500);
  say("moved", [shown(), location.hash]);
  type(field("Indicator b", "number"), "60");
  type(field("Indicator a", "number"), "100");
  await wait(500);
  say("typed", shown());
  document.getElementById("download").click();
  say("saved", saved);
  type(field("Indicator a", "number"), "60");
  await wait(500);
  say("back", shown());
  document.getElementById("by-count").click();
  await wait(500);
  say("counted", shown());
  document.getElementById("equal").click();
  await wait(500);
  say("equal", shown());
  document.getElementById("reset").click();
  await wait(500);
  say("reset", [shown(), location.hash]);
  type(document.getElementById("filter"), "ＴＡＩ");
  say("filtered", [...document.querySelectorAll("#rows th")].map((one) => one.textContent));
})();
"""


@needs_a_browser
def test_sliders_fields_buttons_filter_and_download_do_what_they_say(workspace, tmp_path):
    tree = FRAMEWORK + "d,P,2,指标丁,Indicator d,,1,%,0,100\n"
    files = {"framework__csv": tree, "observations__csv": SOURCED + "1,d,2023,50,s\n2,d,2023,50,s\n"}
    [_, path] = write_slider(cg.assess(cg.open(workspace(**files))), tmp_path / "out")
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    path.write_text(text.replace("</body>", f"<script>{DRIVE}</script></body>"), encoding="utf-8")
    page = dumped(path.as_uri(), tmp_path)
    said = {
        name: json.loads(html.unescape(told))
        for name, told in re.findall(r'<p id="(\w+)">(["\[].*?)</p>', page)
    }
    assert said["moved"] == [["25.0", "75.0", "33.3", "33.3", "33.3"], "#w=P:0.25,Q:0.75"]
    assert said["typed"] == ["25.0", "75.0", "100.0", "0.0", "0.0"]
    assert said["back"] == ["25.0", "75.0", "60.0", "30.0", "10.0"]  # b and d had come to 3 : 1
    assert said["counted"] == ["75.0", "25.0", "33.3", "33.3", "33.3"]
    assert said["equal"] == ["50.0", "50.0", "33.3", "33.3", "33.3"]
    assert said["reset"] == [["60.0", "40.0", "33.3", "33.3", "33.3"], ""]
    assert said["filtered"] == ["Taizhou"]
    # What was saved is a weight set of the workspace: P = a, which is 0.8, 0.6, 0.4; Q is 0.5, 0.7, 0.3.
    folder = workspace(**files, method__toml='weights = "slider"\n[normalise]\nhow = "goalposts"\n')
    (folder / "weights").mkdir()
    (folder / "weights" / "slider.csv").write_text(said["saved"], encoding="utf-8")
    again = cg.assess(cg.open(folder))
    np.testing.assert_allclose(again.index, [0.575, 0.675, 0.325], rtol=1e-12)


def read_by_people(page: str) -> str:
    """Return the text of a page without scripts, styles and tags."""
    page = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    labels = re.findall(r' (?:aria-label|aria-valuetext|title)="([^"]*)"', page)
    return html.unescape("\n".join([re.sub(r"<[^>]+>", "\n", page), *labels]))


def test_both_languages_have_the_same_words_and_none_is_blank():
    words = tomllib.loads(resources.files("citygauge").joinpath("report/slider.toml").read_text("utf-8"))
    zh, en = words["zh"], words["en"]
    assert list(zh) == list(en)
    for key in zh:
        assert zh[key]
        assert en[key]
        assert set(re.findall(r"{(\w+)", zh[key])) == set(re.findall(r"{(\w+)", en[key])), key
        assert not CHINESE.search(en[key]), key


def test_each_page_is_in_its_language_alone(small):
    units = "unit,name_zh,name_en\n1,苏州,Suzhou\n2,台州,Taizhou\n3,成都,Chengdu\n"
    settings = 'framework = "framework.csv"\nname_zh = "三城指数"\nname_en = "Three cities"\n'
    result = small(units__csv=units, assessment__toml=settings)
    assert not CHINESE.search(read_by_people(slider_page(result, "en")))
    chinese = re.sub(r"\b[0-9a-f]{16}\b", "", read_by_people(slider_page(result, "zh")))
    assert set(re.findall(r"[A-Za-z]{2,}", chinese)) == {
        "CSV", "CityGauge", "JavaScript", "SHA", "csv", "json", "method", "run", "slider", "toml", "weights",
    }  # fmt: skip


def test_the_page_loads_nothing_and_runs_nothing_but_its_own_scripts(small):
    page = slider_page(small(), "en")
    assert not re.findall(
        r"""(?:src|href|action)=|url\(|@import|https?:|//[a-z]""", re.sub(r"// .*", "", page)
    )
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert html.unescape(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert len(re.findall(r"sha256-", policy)) == len(re.findall(r"<script>", page)) == 2
    assert "innerHTML" not in page
    assert not re.search(r"<\w[^>]* on\w+=", page)


def test_every_slider_and_field_has_a_name_of_its_own(small):
    page = slider_page(small(), "en")
    inputs = re.findall(r'<input type="(?:range|number)"[^>]*>', page)
    assert len(inputs) == 8
    names = [re.findall(r'aria-label="([^"]*)"', one)[0] for one in inputs]
    assert len(set(names)) == 8
    assert all(f'for="w{at}"' in page for at in re.findall(r'id="w(\d+)"', page))


EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'


def test_names_that_look_like_markup_stay_names(small, tmp_path):
    quoted = '"' + EVIL.replace('"', '""') + '"'
    tree = FRAMEWORK.replace("支柱甲,Pillar P", f"{quoted},{quoted}")
    units = f"unit,name_zh,name_en\n1,{quoted},{quoted}\n2,台州,Taizhou\n3,成都,Chengdu\n"
    result = small(framework__csv=tree, units__csv=units)
    page = slider_page(result, "en")
    assert "<img" not in page
    assert page.count("<script>") == 2
    data = data_of(result)
    assert data["units"][0] == data["nodes"][1]["name"] == EVIL
    if CHROMIUM is not None:
        [path, _] = write_slider(result, tmp_path / "out")
        shown = dumped(path.as_uri(), tmp_path)
        assert "<img" not in shown
        assert rows_of(shown)[0][1] == html.escape(EVIL, quote=False)


def test_on_illustrative_data_nothing_tells_which_city_is_which():
    result = demo("smart-2021")
    for language in ("zh", "en"):
        page = slider_page(result, language)
        for told in {*result.units.codes, *result.units.names("zh"), *result.units.names("en")}:
            assert not re.search(rf"(?<![\w.]){re.escape(told)}(?![\w.])", page), told
        assert ("示意数据，非观测结果" if language == "zh" else "Illustrative data, not observed") in page
        assert (
            page.count("示意数据，非观测结果" if language == "zh" else "llustrative data, not observed") == 2
        )
        data = data_of(result, language)
        assert data["units"] == sorted(data["units"])
        assert data["published"] == sorted(data["published"])
        assert not data["gradesShown"]
        assert result.scale is not None
        assert not any(f"<td>{name.name[language]}</td>" in page for name in result.scale.grades)


def test_the_order_in_which_illustrative_cities_came_leaves_no_trace(small):
    settings = 'framework = "framework.csv"\nillustrative = true\n'
    units = "unit,name_zh,name_en\n1,苏州,Suzhou\n2,台州,Taizhou\n3,成都,Chengdu\n"
    turned = "unit,name_zh,name_en\n3,成都,Chengdu\n1,苏州,Suzhou\n2,台州,Taizhou\n"
    first = data_of(small(assessment__toml=settings, units__csv=units))
    assert first == data_of(small(assessment__toml=settings, units__csv=turned))
    assert first["units"] == [f"Illustrative city 0{i}" for i in (1, 2, 3)]


def test_under_another_method_the_index_has_no_sliders_and_its_published_ranking_stands(tmp_path):
    result = with_rules(demo("city-statistics-2023"), how="copeland")
    for language, words in (("zh", "不提供滑块"), ("en", "There are no sliders")):
        page = slider_page(result, language)
        assert words in page
        assert '<input type="range"' not in page
    data = data_of(result)
    assert data["nodes"] == data["layers"] == []
    [[answer]] = computed([{"data": data, "sets": []}], tmp_path)
    assert answer["ranks"] == data["published"]
    if CHROMIUM is not None:
        [path, _] = write_slider(result, tmp_path / "out")
        shown = dumped(path.as_uri(), tmp_path)
        assert shown.count('<th scope="row">') == len(result.units)


def test_below_a_pillar_of_another_method_weights_stay_and_the_page_says_so(small):
    result = small(method__toml='[normalise]\nhow = "goalposts"\n[aggregate.by.P]\nhow = "topsis"\n')
    assert [node["code"] for node in data_of(result)["nodes"]] == ["I", "P", "Q", "c"]
    assert "“Pillar P” is computed by another method (TOPSIS)" in slider_page(result, "en")
    assert "“支柱甲”采用TOPSIS 法" in slider_page(result, "zh")
    assert [code for code, _ in data_of(result)["rest"]] == ["a", "b"]


def test_a_framework_with_nothing_to_choose_says_so(small):
    tree = "code,parent,name_zh,name_en,direction,low,high\nI,,指数,Index,,,\na,I,甲,A,1,0,100\n"
    facts = "unit,indicator,period,value\n1,a,2023,80\n2,a,2023,60\n3,a,2023,40\n"
    page = slider_page(small(framework__csv=tree, observations__csv=facts), "en")
    assert "There are no weights to move" in page
    assert '<input type="range"' not in page


def test_one_city_and_a_city_without_a_score_have_their_rows(small, tmp_path):
    one = small(units__csv="unit,name_en\n1,Suzhou\n", observations__csv=SOURCED.split("2,a")[0])
    assert data_of(one)["published"] == [1]
    gone = small(observations__csv=re.sub("(?m)^3,.*\n", "", SOURCED) + "3,a,2023,,s\n")
    data = data_of(gone)
    assert data["published"] == [1, 2, 0]
    [[first, answer]] = computed([{"data": data, "sets": [{"P": 1.0, "Q": 0.0}]}], tmp_path)
    assert first["scores"][2] is answer["scores"][2] is None
    assert answer["ranks"] == [1, 2, 0]
    assert re.search(r'<td class="num">–</td><th scope="row">Chengdu</th><td class="num">–</td>',
                     slider_page(gone, "en"))  # fmt: skip


def test_the_same_result_gives_the_same_bytes(small, tmp_path):
    result = small()
    paths = write_slider(result, tmp_path / "out")
    assert [path.name for path in paths] == ["slider.zh.html", "slider.en.html"]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_slider(result, tmp_path / "out")] == first
