"""Frameworks written and read back: the same nodes, weights and texts in all three forms."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.framework.builtin import builtin, builtin_names
from citygauge.framework.model import CHANNELS, SCALES, Framework, Node
from citygauge.framework.read import read_framework
from citygauge.framework.rubric import parse_rubric
from citygauge.framework.write import framework_files, framework_frame, write_framework

FORMS = (".csv", ".xlsx", ".yaml")

words = st.builds(
    lambda lead, text: (lead + text).strip(),
    st.sampled_from(["", "=", "+", "-", "@", "'", '"', "#", "=1+1"]),
    st.text("ab 中文,;\"'\n=+-@:#|0", max_size=10),
)
texts = st.dictionaries(st.sampled_from(["zh", "en", "fr"]), words.filter(bool), max_size=3)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: x + 0.0)
weights = st.floats(0.001, 1e6, allow_nan=False)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[Node, ...]:
    """Draw a tree in pre-order, weights either on all children of a node or on none."""
    size = draw(st.integers(2, 9))
    parent = {i: draw(st.integers(0, i - 1)) for i in range(1, size)}
    weighted = {i: draw(st.booleans()) for i in range(size)}
    found: list[Node] = []

    def grow(i: int) -> None:
        low, high = sorted((draw(numbers), draw(numbers)))
        goalposts = low < high and draw(st.booleans())
        rubric = () if goalposts else draw(st.sampled_from([(), parse_rubric("0: 无 | no; 1=0.7; 2: 有")]))
        targets = draw(st.none() | numbers)
        found.append(
            Node(
                code=f"n{i}",
                parent=f"n{parent[i]}" if i else None,
                name=draw(texts),
                weight=draw(weights) if i and weighted[parent[i]] else None,
                direction=1 if rubric else draw(st.sampled_from([1, -1, None])),
                unit=draw(words),
                denominator=draw(st.sampled_from(["", "population"])),
                denominator_scale=draw(st.just(1.0) | weights),
                scale=draw(st.sampled_from(["", *(scale for scale in SCALES if scale != "share")])),
                low=low if goalposts else None,
                high=high if goalposts else None,
                target_low=targets,
                target_high=targets,
                rubric=rubric,
                channels=tuple(draw(st.lists(st.sampled_from(CHANNELS), unique=True))),
                definition=draw(texts),
                source=draw(words),
                counterpart=draw(words),
                extra={"owner": text} if (text := draw(words)) else {},
            )
        )
        for child in (k for k, above in parent.items() if above == i):
            grow(child)

    grow(0)
    return tuple(found)


@st.composite
def frameworks(draw: st.DrawFn) -> Framework:
    tree = Framework(draw(nodes()))
    names = draw(st.lists(st.sampled_from(["even", "专家", "2010"]), unique=True))
    sets = {
        name: {c: draw(weights) for c in tree.children(draw(st.sampled_from(tree.aggregates)))}
        for name in names
    }
    return replace(
        tree,
        code=draw(words),
        title=draw(texts),
        description=draw(texts),
        source=draw(words),
        licence=draw(words),
        weight_sets=sets,
        unit_names=draw(st.dictionaries(words.filter(bool), texts, max_size=3)),
    )


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_framework_reads_back_the_same(tmp_path, name, suffix):
    write_framework(builtin(name), tmp_path / f"framework{suffix}")
    again = read_framework(tmp_path / f"framework{suffix}")
    assert again == builtin(name)
    assert again.hash == builtin(name).hash


@pytest.mark.parametrize("suffix", FORMS)
@settings(max_examples=25, deadline=None)
@given(framework=frameworks())
def test_what_is_written_reads_back_to_the_same_framework(framework, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"framework{suffix}"
        write_framework(framework, path)
        again = read_framework(path)
    assert again.nodes == framework.nodes
    assert again.weight_sets == framework.weight_sets
    assert (again.code, again.source, again.licence) == (framework.code, framework.source, framework.licence)
    assert (again.title, again.description) == (framework.title, framework.description)
    assert again.unit_names == framework.unit_names


@settings(max_examples=25, deadline=None)
@given(framework=frameworks(), suffix=st.sampled_from(FORMS))
def test_the_files_listed_are_the_files_written(framework, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"framework{suffix}"
        write_framework(framework, path)
        written = [file for file in Path(folder).rglob("*") if file.is_file()]
    assert sorted(framework_files(framework, path)) == sorted(written)


def test_a_framework_travels_through_all_forms_without_a_change(tmp_path):
    egdi = builtin("egdi")
    framework = egdi
    for suffix in FORMS:
        write_framework(framework, tmp_path / f"egdi{suffix}")
        framework = read_framework(tmp_path / f"egdi{suffix}")
    assert framework == egdi


@pytest.mark.parametrize("text", ["=1+1", "=HYPERLINK(1)", "+1", "-1", "@A1", "https://a.b", "007", "1e3"])
def test_text_stays_text_in_a_workbook(tmp_path, text):
    path = tmp_path / "f.xlsx"
    root = Node("I", name={"en": text}, definition={"en": text}, source=text, unit=text)
    framework = Framework((root,), code=text, title={"en": text}, unit_names={text: {"en": text}})
    write_framework(framework, path)
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book for row in sheet for cell in row if cell.value == text]
    assert len(cells) == 8
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.hyperlink is None for cell in cells)
    assert read_framework(path) == framework


def test_the_table_has_the_columns_of_the_contract_first_and_others_last():
    framework = Framework((Node("I", name={"fr": "Indice", "en": "Index"}, extra={"owner": "Li"}),))
    columns = framework_frame(framework).columns
    assert columns[:5] == ["code", "parent", "level", "name_zh", "name_en"]
    assert columns[-2:] == ["name_fr", "owner"]


def test_levels_are_written_as_the_depth_in_the_tree():
    hdi = builtin("hdi")
    assert list(framework_frame(hdi)["level"]) == [str(level) for level in hdi.levels.values()]


def test_a_folder_that_is_not_there_is_made(tmp_path):
    path = tmp_path / "新 folder" / "deep" / "framework.csv"
    write_framework(builtin("egdi"), path)
    assert read_framework(path.parent) == builtin("egdi")


def test_csv_and_yaml_are_written_with_plain_line_ends(tmp_path):
    for suffix in (".csv", ".yaml"):
        write_framework(builtin("egdi"), tmp_path / f"framework{suffix}")
    assert [f.name for f in tmp_path.rglob("*.*") if f.is_file() and b"\r" in f.read_bytes()] == []


def test_any_other_suffix_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match=r"f\.json"):
        write_framework(builtin("hdi"), tmp_path / "f.json")
    assert list(tmp_path.iterdir()) == []
