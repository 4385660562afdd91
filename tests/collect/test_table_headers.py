"""Tables as Chinese offices hand them over: their encodings and the words of their headers."""

from __future__ import annotations

from pathlib import Path

import pytest

import citygauge as cg
from citygauge.store.table import TableImport, import_table

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030")
LONG = (
    "城市,指标,数值,年份,单位,备注",
    "城市名称,指标名称,指标值,年度,计量单位,说明",
    "地市,指标编号,数据,时间,单位,附注",
    "城市名,指标名,本期值,统计年份,度量单位,注释",
    "地级市,三级指标,取值,数据年份,单位,备注说明",
    "城市（地区）,评价指标,实际值,报告期,量纲,备注信息",
    "行政区划名称,指标项,填报值,统计年度,单位,备注",
    "unit,indicator,value,period,unit_of_measure,note",
    "City,Indicator,Value,Year,Unit_of_measure,Note",
)
WIDE = (
    "城市,年份,指标甲,指标乙",
    "地市,统计年份,a,b",
    "城市代码,年,Indicator a,Indicator b",
    "评估城市,报告期,指标甲,b",
)


def taken(folder: Path, text: str, encoding: str) -> list[dict[str, object]]:
    """Import a table and return what was recorded."""
    file = folder.parent / "table.csv"
    file.write_bytes(text.encode(encoding))
    done = import_table(folder, file, TableImport())
    assert done.warnings == ()
    return cg.open(folder).observations.frame.to_dicts()


@pytest.fixture
def empty(workspace) -> Path:
    return workspace(observations__csv="unit,indicator,period,value\n")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("header", LONG)
def test_a_long_table_is_understood_whatever_its_headers_and_encoding(empty, header, encoding):
    rows = taken(empty, f"{header}\n苏州市,指标甲,80.5,2023,%,统计年鉴\n成都,指标乙,2,2023,days,\n", encoding)
    told = ("unit", "indicator", "value", "period", "unit_of_measure", "note")
    assert [tuple(row[name] for name in told) for row in rows] == [
        ("1", "a", 80.5, "2023", "%", "统计年鉴"), ("3", "b", 2, "2023", "days", None),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("header", WIDE)
def test_a_wide_table_is_understood_whatever_its_headers_and_encoding(empty, header, encoding):
    rows = taken(empty, f"{header}\n苏州,2023,80.5,2\n成都,2023,40,\n", encoding)
    told = {(row["unit"], row["indicator"], row["period"]): row["value"] for row in rows}
    assert told == {
        ("1", "a", "2023"): 80.5,
        ("1", "b", "2023"): 2,
        ("3", "a", "2023"): 40,
        ("3", "b", "2023"): None,
    }
