"""SDMX data messages in every form say the same, and become facts as a map says."""

from __future__ import annotations

import csv
import functools
import hashlib
import http.server
import io
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import citygauge as cg
from citygauge.collect import sdmx_fetch, sdmx_message
from citygauge.collect.sdmx import sdmx_facts
from citygauge.collect.sdmx_map import STATUS_STATES, SdmxMap
from citygauge.collect.sdmx_message import SdmxMessage, SdmxObservation, read_sdmx_message
from citygauge.collect.units import Units
from citygauge.framework.read import read_framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.provenance import Source
from citygauge.store.sdmx import ImportedSdmx, SdmxImport, import_sdmx

SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
HEADER = """<mes:Header><mes:ID>M1</mes:ID><mes:Test>false</mes:Test>
<mes:Prepared>2024-05-01T10:00:00</mes:Prepared>
<mes:Sender id="NSO"><com:Name xml:lang="en">Statistics Office</com:Name></mes:Sender>
<mes:Structure structureID="S" {space}dimensionAtObservation="{dimension}"><com:Structure>
<Ref agencyID="NSO" id="CITIES" version="1.0"/></com:Structure></mes:Structure></mes:Header>"""
ROOT = (
    f'xmlns:mes="{SCHEMAS}/message" xmlns:com="{SCHEMAS}/common" xmlns:gen="{SCHEMAS}/data/generic" '
    f'xmlns:ss="{SCHEMAS}/data/structurespecific" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
# One unit has figures for two years, the second of them missing; another one has a provisional figure.
GENERIC = f"""<?xml version="1.0" encoding="UTF-8"?>
<mes:GenericData {ROOT}>{HEADER.format(space="", dimension="TIME_PERIOD")}
<mes:DataSet structureRef="S">
<gen:Series><gen:SeriesKey><gen:Value id="FREQ" value="A"/><gen:Value id="REF_AREA" value="1"/>
<gen:Value id="INDICATOR" value="a"/></gen:SeriesKey>
<gen:Attributes><gen:Value id="UNIT_MULT" value="0"/></gen:Attributes>
<gen:Obs><gen:ObsDimension value="2023"/><gen:ObsValue value="80.5"/>
<gen:Attributes><gen:Value id="OBS_STATUS" value="E"/></gen:Attributes></gen:Obs>
<gen:Obs><gen:ObsDimension value="2024"/><gen:ObsValue value="NaN"/>
<gen:Attributes><gen:Value id="OBS_STATUS" value="O"/></gen:Attributes></gen:Obs></gen:Series>
<gen:Series><gen:SeriesKey><gen:Value id="FREQ" value="A"/><gen:Value id="REF_AREA" value="2"/>
<gen:Value id="INDICATOR" value="b"/></gen:SeriesKey>
<gen:Attributes><gen:Value id="UNIT_MULT" value="3"/></gen:Attributes>
<gen:Obs><gen:ObsDimension value="2023"/><gen:ObsValue value="0.004"/>
<gen:Attributes><gen:Value id="OBS_STATUS" value="P"/></gen:Attributes></gen:Obs></gen:Series>
</mes:DataSet></mes:GenericData>"""


URN = "urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=NSO:CITIES(1.0)"


def specific(body: str, dimension: str = "TIME_PERIOD", attributes: str = "") -> str:
    """Write a structure-specific message."""
    head = HEADER.format(space=f'namespace="{URN}" ', dimension=dimension)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><mes:StructureSpecificData xmlns:x="{URN}" {ROOT}>{head}'
        f'<mes:DataSet ss:structureRef="S" xsi:type="x:DataSetType" ss:dataScope="DataStructure" '
        f"{attributes}>{body}</mes:DataSet></mes:StructureSpecificData>"
    )


SERIES = """<Series FREQ="A" REF_AREA="1" INDICATOR="a" UNIT_MULT="0">
<Obs TIME_PERIOD="2023" OBS_VALUE="80.5" OBS_STATUS="E"/><Obs TIME_PERIOD="2024" OBS_STATUS="O"/></Series>
<Series FREQ="A" REF_AREA="2" INDICATOR="b" UNIT_MULT="3">
<Obs TIME_PERIOD="2023" OBS_VALUE="0.004" OBS_STATUS="P"/></Series>"""
FLAT = """<Obs FREQ="A" REF_AREA="1" INDICATOR="a" UNIT_MULT="0"
 TIME_PERIOD="2023" OBS_VALUE="80.5" OBS_STATUS="E"/>
<Obs FREQ="A" REF_AREA="1" INDICATOR="a" UNIT_MULT="0" TIME_PERIOD="2024" OBS_STATUS="O"/>
<Obs FREQ="A" REF_AREA="2" INDICATOR="b" UNIT_MULT="3"
 TIME_PERIOD="2023" OBS_VALUE="0.004" OBS_STATUS="P"/>"""


def component(name: str, *codes: str) -> dict:
    return {"id": name, "name": name.title(), "values": [{"id": code, "name": code} for code in codes]}


BY_SERIES = {
    "dimensions": {
        "dataSet": [component("FREQ", "A")],
        "series": [component("REF_AREA", "1", "2"), component("INDICATOR", "a", "b")],
        "observation": [component("TIME_PERIOD", "2023", "2024")],
    },
    "attributes": {
        "dataSet": [],
        "series": [component("UNIT_MULT", "0", "3")],
        "observation": [component("OBS_STATUS", "E", "O", "P")],
    },
}
IN_SERIES = {
    "action": "Information",
    "series": {
        "0:0": {"attributes": [0], "observations": {"0": [80.5, 0], "1": [None, 1]}},
        "1:1": {"attributes": [1], "observations": {"0": [0.004, 2]}},
    },
}
META = {"id": "M1", "prepared": "2024-05-01T10:00:00", "sender": {"id": "NSO", "name": "Statistics Office"}}
# SDMX-JSON 2.0: all dimensions at the observation, the multiplier with a group of dimensions, a measure.
ALL_DIMENSIONS = {
    "dimensions": {
        "observation": [
            component("FREQ", "A"), component("REF_AREA", "1", "2"), component("INDICATOR", "a", "b"),
            component("TIME_PERIOD", "2023", "2024"),
        ],
    },
    "measures": {"observation": [{"id": "OBS_VALUE"}]},
    "attributes": {
        "dimensionGroup": [component("UNIT_MULT", "0", "3")],
        "observation": [component("OBS_STATUS", "E", "O", "P")],
    },
}  # fmt: skip
GROUPED = {
    "structure": 0,
    "action": "Information",
    "dimensionGroupAttributes": {"::0:": [0], ":1:1:": [1]},
    "observations": {"0:0:0:0": [80.5, 0], "0:0:0:1": [None, 1], "0:1:1:0": [0.004, 2]},
}
CSV_1 = """DATAFLOW,FREQ,REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT
NSO:CITIES(1.0),A,1,a,2023,80.5,E,0
NSO:CITIES(1.0),A,1,a,2024,,O,0
NSO:CITIES(1.0),A,2,b,2023,0.004,P,3
"""
CSV_2 = """STRUCTURE;STRUCTURE_ID;ACTION;FREQ: Frequency;REF_AREA: Area;INDICATOR: Indicator;\
TIME_PERIOD: Time;OBS_VALUE;OBS_STATUS: Status;UNIT_MULT: Multiplier
dataflow;NSO:CITIES(1.0);I;A: Annual;1: Suzhou;a: Lines;2023;80.5;E: Estimated;0: Units
dataflow;NSO:CITIES(1.0);I;A: Annual;1: Suzhou;a: Lines;2024;NaN;O: Missing;0: Units
dataflow;NSO:CITIES(1.0);I;A: Annual;2: Taizhou;b: Days;2023;0.004;P: Provisional;3: Thousands
"""
FORMS = {
    "SDMX-ML 2.1, generic": GENERIC,
    "SDMX-ML 2.1, structure-specific": specific(SERIES),
    "SDMX-ML 2.1, structure-specific, flat": specific(FLAT, "AllDimensions"),
    "SDMX-JSON 1.0": json.dumps({"meta": META, "data": {"structure": BY_SERIES, "dataSets": [IN_SERIES]}}),
    "SDMX-JSON, draft": json.dumps({"header": META, "structure": BY_SERIES, "dataSets": [IN_SERIES]}),
    "SDMX-JSON 2.0": json.dumps(
        {"meta": META, "data": {"structures": [ALL_DIMENSIONS], "dataSets": [GROUPED]}}
    ),
    "SDMX-CSV 1.0": CSV_1,
    "SDMX-CSV 2.0, with labels": CSV_2,
}
NO_FACTS = "unit,indicator,period,value,unit_of_measure,state,origin,channel,source,supersedes,note\n"


def write(folder: Path, content: str | bytes, name: str = "message") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def read(folder: Path, content: str | bytes) -> SdmxMessage:
    problems = Problems()
    message = read_sdmx_message(write(folder, content), problems)
    assert list(problems) == []
    assert message is not None
    return message


def unread(folder: Path, content: str | bytes) -> Problem:
    """Read what has to be refused; return its one problem, said in both languages."""
    problems = Problems()
    assert read_sdmx_message(write(folder, content), problems) is None
    (problem,) = problems
    assert problem.severity == "error"
    assert all(problem.text(language) for language in ("en", "zh"))
    return problem


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(tmp_path, form):
    message = read(tmp_path, FORMS[form])
    common = ("FREQ", "REF_AREA", "INDICATOR", "TIME_PERIOD", "OBS_STATUS", "UNIT_MULT")
    assert [tuple(one.fields[name] for name in common) for one in message.observations] == [
        ("A", "1", "a", "2023", "E", "0"), ("A", "1", "a", "2024", "O", "0"),
        ("A", "2", "b", "2023", "P", "3"),
    ]  # fmt: skip
    assert [one.value for one in message.observations] == ["80.5", None, "0.004"]
    assert message.observations[0].key == "FREQ=A;REF_AREA=1;INDICATOR=a;TIME_PERIOD=2023"
    if "CSV" not in form:
        assert (message.sender, message.prepared) == ("Statistics Office", "2024-05-01")


def test_the_draft_of_sdmx_json_is_read_as_the_library_reads_it(tmp_path):
    # The library knows this layout alone, and loses the attributes of series.
    import sdmx  # noqa: PLC0415 - an extra

    theirs = sdmx.read_sdmx(io.BytesIO(FORMS["SDMX-JSON, draft"].encode()), format="JSON")
    keys = [{n: v.value for n, v in one.key.values.items()} for one in theirs.data[0].obs]
    values = [one.value for one in theirs.data[0].obs]
    ours = read(tmp_path, FORMS["SDMX-JSON, draft"]).observations
    assert [{name: one.fields[name] for name in keys[0]} for one in ours] == keys
    assert [one.value and float(one.value) for one in ours] == values


def test_sdmx_ml_3_is_read(tmp_path):
    text = specific(FLAT, "AllDimensions").replace("/v2_1", "/v3_0")
    text = text.replace('<Ref agencyID="NSO" id="CITIES" version="1.0"/>', URN)
    assert [one.value for one in read(tmp_path, text).observations] == ["80.5", None, "0.004"]


def test_attributes_of_the_data_set_and_of_groups_reach_their_observations(tmp_path):
    group = '<Group xsi:type="x:Sibling" REF_AREA="2" INDICATOR="b" UNIT_MEASURE="D"/>'
    message = read(tmp_path, specific(group + SERIES, attributes='DECIMALS="1" ss:setID="T"'))
    assert [one.fields.get("UNIT_MEASURE") for one in message.observations] == [None, None, "D"]
    assert {one.fields["DECIMALS"] for one in message.observations} == {"1"}
    structure = json.loads(json.dumps(BY_SERIES))
    structure["attributes"]["dataSet"] = [component("DECIMALS", "1")]
    structure["attributes"]["observation"].append({**component("OBS_CONF", "F", "C"), "default": "F"})
    for told in ({}, {"attributes": [0]}):
        data = {"structure": structure, "dataSets": [{**IN_SERIES, **told}]}
        for one in read(tmp_path, json.dumps({"data": data})).observations:
            assert (one.fields["DECIMALS"], one.fields["OBS_CONF"]) == ("1", "F")


def test_a_number_in_json_keeps_every_digit(tmp_path):
    text = FORMS["SDMX-JSON 1.0"].replace("80.5", "80.12345678901234567890")
    assert read(tmp_path, text).observations[0].value == "80.12345678901234567890"


BOMB = """<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>"""
FOREIGN = '<!DOCTYPE l [<!ENTITY f SYSTEM "file:///etc/hostname">]><l>&f;</l>'


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        FOREIGN,
        BOMB.replace("<?xml version", "\n\n<?xml version").lstrip(),
        BOMB.encode("utf-16"),
        b"\xef\xbb\xbf" + BOMB.encode(),
        GENERIC.replace("<mes:GenericData", '<!DOCTYPE x SYSTEM "http://localhost/x.dtd"><mes:GenericData'),
    ],
)
def test_entities_are_refused_before_anything_is_unpacked(tmp_path, content, monkeypatch):
    monkeypatch.setitem(sys.modules, "sdmx", None)  # the library never sees it
    assert unread(tmp_path, content).code == "sdmx.document-type"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<a/>",
        "<a>",
        "<?xml version='1.0' encoding='utf-7'?><a/>",
        GENERIC.replace("2_1", "9_9"),
        GENERIC.replace("</gen:Obs>", "<gen:Odd/></gen:Obs>", 1),
        GENERIC.replace("<mes:DataSet", "<!--").replace("</mes:DataSet>", "-->"),
        "{}",
        "{" * 5,
        '{"a":' * 100_000,
        '{"data": {"dataSets": [], "structure": {}}}',
        FORMS["SDMX-JSON 1.0"].replace('"1:1"', '"1:7"'),
        FORMS["SDMX-JSON 1.0"].replace('"1:1"', '"1:-1"'),
        FORMS["SDMX-JSON 1.0"].replace('"id": "2023", "name": "2023"', '"order": 1'),
        FORMS["SDMX-JSON 1.0"].replace('"1:1"', '"1"'),
        FORMS["SDMX-JSON 2.0"].replace('":1:1:"', '":1:1"'),
        FORMS["SDMX-JSON 2.0"].replace('[{"id": "OBS_VALUE"}]', '[{"id": "LOW"}, {"id": "HIGH"}]'),
        "unit,a\n1,2\n",
        CSV_1 + "NSO:CITIES(1.0),A\n",
        CSV_1 + '"',
        "OBS_VALUE\n",
        b"PK\x03\x04\xff\xfe",
    ],
)
def test_what_is_no_data_message_is_refused_with_the_reason_and_prints_nothing(tmp_path, content, capfd):
    problem = unread(tmp_path, content)
    assert problem.code == "sdmx.not-data"
    assert problem.values["reason"]
    assert not re.search("Error|Traceback|NoneType", problem.message("en"))
    assert re.search("[\u4e00-\u9fff]", problem.values["reason_zh"])
    assert problem.values["reason"] not in problem.message("zh")
    assert capfd.readouterr() == ("", "")


def test_reading_prints_nothing(tmp_path, capfd):
    for text in FORMS.values():
        read(tmp_path, text)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        GENERIC.replace('structureRef="S"', 'structureRef="S" action="Delete"'),
        specific(SERIES, attributes='ss:action="Delete"'),
        FORMS["SDMX-JSON 1.0"].replace("Information", "Delete"),
        CSV_2.replace(";I;", ";D;"),
    ],
)
def test_a_message_that_asks_for_deletion_is_refused(tmp_path, content):
    assert unread(tmp_path, content).code == "sdmx.deletion"


def test_a_message_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sdmx_message, "MAX_BYTES", 100)
    assert unread(tmp_path, GENERIC).code == "sdmx.too-large"


def test_without_the_library_xml_says_how_to_install_it_and_the_other_forms_are_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sdmx", None)
    problem = unread(tmp_path, GENERIC)
    assert problem.code == "sdmx.no-library"
    assert 'pip install "citygauge[sdmx]"' in problem.hint("en")
    assert 'pip install "citygauge[sdmx]"' in problem.hint("zh")
    assert len(read(tmp_path, FORMS["SDMX-JSON 1.0"]).observations) == 3


# What becomes of observations.


@pytest.fixture
def campaign(workspace: Callable[..., Path]) -> Path:
    """Write a workspace without facts: indicators a and c in %, b in days; units 1, 2 and 3."""
    units = "unit,name_zh,name_en,iso\n1,苏州,Suzhou,SZ\n2,台州,Taizhou,TZ\n3,成都,Chengdu,CD\n"
    return workspace(observations__csv=NO_FACTS, units__csv=units)


def table(*rows: str, header: str = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE") -> str:
    """Write a message as SDMX-CSV."""
    return "\n".join([f"DATAFLOW,{header}", *(f"N:C(1.0),{row}" for row in rows)]) + "\n"


def run(folder: Path, content: str, rules: str = "", **how: object) -> ImportedSdmx:
    """Import a message, read by a map where there is one."""
    file = write(folder.parent, content, "cities.sdmx")
    if rules:
        (folder / "imports").mkdir(exist_ok=True)
        (folder / "imports" / "office.toml").write_text(rules, encoding="utf-8")
        how["map"] = "office"
    return import_sdmx(folder, file, SdmxImport(**how))  # type: ignore[arg-type]


def facts(folder: Path, *columns: str) -> list[tuple]:
    names = columns or ("unit", "indicator", "period", "value", "state")
    return cg.open(folder).observations.frame.select(names).rows()


def refused(folder: Path, content: str, rules: str = "", **how: object) -> dict[str, Problem]:
    """Import what has to be refused; return its problems. Nothing is recorded."""
    before = (folder / "observations.csv").read_bytes()
    with pytest.raises(InputError) as caught:
        run(folder, content, rules, **how)
    assert (folder / "observations.csv").read_bytes() == before
    assert not (folder / "originals").exists()
    return {problem.code: problem for problem in caught.value.problems}


def says(problem: Problem, *named: str) -> None:
    for language in ("en", "zh"):
        text = problem.message(language) + problem.hint(language)
        assert [word for word in named if word not in text] == []


@pytest.mark.parametrize("form", FORMS)
def test_the_built_in_map_records_every_form_with_its_powers_of_ten(campaign, form):
    done = run(campaign, FORMS[form])
    assert (done.new, done.corrected, done.known, done.left_out) == (3, 0, 0, 0)
    assert facts(campaign) == [
        ("1", "a", "2023", 80.5, "value"), ("1", "a", "2024", None, "missing"),
        ("2", "b", "2023", 4.0, "value"),
    ]  # fmt: skip
    assert facts(campaign, "note", "origin", "cell")[0] == (
        "OBS_STATUS=E", "observed", "FREQ=A;REF_AREA=1;INDICATOR=a;TIME_PERIOD=2023",
    )  # fmt: skip


def test_the_original_is_kept_by_its_hash_and_the_message_says_who_sent_it(campaign):
    run(campaign, GENERIC, source=Source("", licence="CC BY 4.0"), collected_at="2024-06-01")
    (source,) = cg.open(campaign).sources.values()
    assert source.sha256 == hashlib.sha256(GENERIC.encode()).hexdigest()
    assert (campaign / source.file).read_bytes() == GENERIC.encode()
    assert (source.producer, source.date, source.licence) == ("Statistics Office", "2024-05-01", "CC BY 4.0")
    assert set(facts(campaign, "source", "collected_at")) == {(source.id, "2024-06-01")}


def test_what_is_known_is_told_again_without_effect_and_changes_only_on_demand(campaign):
    old = table("1,a,2023,80", "2,a,2023,")
    run(campaign, old)
    again = run(campaign, old)
    assert (again.new, again.known, [p.code for p in again.warnings]) == (
        0, 2, ["sdmx.measure-not-stated", "import.nothing-new"],
    )  # fmt: skip
    new = table("1,a,2023,81", "2,a,2023,55")
    before = (campaign / "observations.csv").read_bytes()
    with pytest.raises(InputError) as caught:
        run(campaign, new)
    (problem,) = [one for one in caught.value.problems if one.severity == "error"]
    assert (problem.code, problem.where.row) == ("import.value-changed", 2)
    says(problem, "80", "81")
    assert (campaign / "observations.csv").read_bytes() == before
    done = run(campaign, new, correct=True)
    assert (done.new, done.corrected) == (0, 2)
    assert cg.assess(cg.open(campaign)).derived.column("a")[:2].tolist() == [81.0, 55.0]
    rows = facts(campaign, "supersedes")
    assert [row[0] is None for row in rows] == [True, True, False, False]


STATUSES = {
    "A": ("value", None), "B": ("value", "OBS_STATUS=B"), "E": ("value", "OBS_STATUS=E"),
    "F": ("value", "OBS_STATUS=F"), "I": ("value", "OBS_STATUS=I"), "N": ("value", "OBS_STATUS=N"),
    "P": ("value", "OBS_STATUS=P"), "U": ("value", "OBS_STATUS=U"), "H": ("missing", "OBS_STATUS=H"),
    "L": ("missing", "OBS_STATUS=L"), "M": ("not_applicable", "OBS_STATUS=M"),
    "O": ("missing", "OBS_STATUS=O"), "Q": ("missing", "OBS_STATUS=Q"),
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_becomes_a_state_and_a_note(campaign, status):
    # SDMX CL_OBS_STATUS 2.2: H, L, O and Q are missing values; of M it says "data cannot exist".
    state, note = STATUSES[status]
    header = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,OBS_STATUS"
    run(campaign, table(f"1,a,2023,{50 if state == 'value' else ''},{status}", header=header))
    origin = "imputed" if status == "I" else "observed"
    value = 50.0 if state == "value" else None
    assert facts(campaign, "value", "state", "note", "origin") == [(value, state, note, origin)]


def test_the_states_of_a_map_override_those_of_the_code_list(campaign):
    header = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,FLAG"
    rules = 'status = "FLAG"\n[states]\nz = "not_measurable"\nM = "value"\n'
    run(campaign, table("1,a,2023,,z", "2,a,2023,7,M", "3,a,2023,,", header=header), rules)
    assert facts(campaign, "state", "note") == [
        ("not_measurable", "FLAG=z"), ("value", "FLAG=M"), ("missing", None),
    ]  # fmt: skip


def test_a_figure_whose_status_says_there_is_none_is_refused(campaign):
    header = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,OBS_STATUS"
    found = refused(campaign, table("1,a,2023,0,M", header=header))
    says(found["sdmx.value-despite-status"], "OBS_STATUS=M", "not_applicable", "[states]")


MAP = """
unit = "geo"
period = "time"
unit_attribute = "iso"
channel = "statistics"
other_units = "leave_out"
[where]
freq = "A"
[indicators.a]
subject = ["X1", "X2"]
sex = "T"
[indicators.c]
subject = "Y"
[units]
CHENGDU = "3"
[measures]
SHARE = "%"
[factors]
c = 100
"""
NAMED = "freq,geo,subject,sex,time,OBS_VALUE,UNIT_MEASURE"


def test_a_map_chooses_observations_and_finds_units_by_an_attribute(campaign):
    rows = (
        "A,SZ,X1,T,2023-A1,80,PT", "A,SZ,X2,T,2022,79,PC", "A,SZ,X1,F,2023,11,PT", "M,SZ,X1,T,2023-01,12,PT",
        "A,CHENGDU,Y,F,2023,0.07,SHARE", "A,EU27,Y,F,2023,0.5,SHARE", "A,TZ,Z,T,2023,13,PT",
    )  # fmt: skip
    done = run(campaign, table(*rows, header=NAMED), MAP)
    assert facts(campaign, "unit", "indicator", "period", "value", "unit_of_measure", "channel") == [
        ("1", "a", "2023", 80.0, "%", "statistics"), ("1", "a", "2022", 79.0, "%", "statistics"),
        ("3", "c", "2023", 7.0, "%", "statistics"),
    ]  # fmt: skip
    assert (done.new, done.left_out) == (3, 4)
    assert [(p.code, p.values["units"]) for p in done.warnings] == [("sdmx.units-left-out", ["EU27"])]


def test_a_reckoned_value_has_no_rounding_of_binary_fractions(campaign):
    run(campaign, table("A,CHENGDU,Y,T,2023,0.29,SHARE", header=NAMED), MAP)
    assert facts(campaign, "value") == [(29.0,)]  # in binary 0.29 × 100 = 28.999999999999996


def test_an_indicator_of_the_map_without_observations_is_named(campaign):
    done = run(campaign, table("A,SZ,X1,T,2023,80,PT", header=NAMED), MAP)
    assert [(p.code, p.values["codes"]) for p in done.warnings] == [("sdmx.silent-indicators", ["c"])]


def test_a_unit_of_measure_that_nobody_explained_is_refused(campaign):
    found = refused(campaign, table("A,SZ,X1,T,2023,0.8,RATIO", header=NAMED), MAP)
    says(found["sdmx.unknown-measure"], "a", "%", "UNIT_MEASURE", "RATIO", "[measures]")


def test_areas_that_are_no_unit_are_refused_all_at_once_unless_the_map_leaves_them_out(campaign):
    message = table("1,a,2023,80", "EU27,a,2023,70", "CH,a,2023,60")
    found = refused(campaign, message)
    says(found["sdmx.unknown-units"], "REF_AREA", "EU27", "CH", "leave_out")
    assert run(campaign, message, 'other_units = "leave_out"').left_out == 2


def test_units_are_found_by_name_too(campaign):
    run(campaign, table("苏州市,a,2023,80", "Chengdu,a,2023,70"))
    assert facts(campaign, "unit") == [("1",), ("3",)]


def test_codes_that_the_framework_does_not_have_are_left_out_and_named(campaign):
    done = run(campaign, table("1,a,2023,80", "1,zz,2023,1"))
    (warning,) = [one for one in done.warnings if one.code != "sdmx.measure-not-stated"]
    assert (warning.code, warning.severity, done.left_out) == ("sdmx.indicators-left-out", "warning", 1)
    says(warning, "INDICATOR", "zz")


def test_a_message_about_nothing_of_ours_is_refused(campaign):
    found = refused(campaign, table("1,zz,2023,80"))
    says(found["sdmx.no-facts"], "1", "zz")


def test_a_dimension_that_the_message_lacks_is_named_with_those_it_has(campaign):
    found = refused(campaign, table("1,a,2023,80", header="geo,INDICATOR,TIME_PERIOD,OBS_VALUE"))
    says(found["sdmx.no-dimension"], "REF_AREA", "geo", "TIME_PERIOD")


def test_observations_that_differ_in_a_dimension_nobody_chose_are_refused(campaign):
    header = "REF_AREA,INDICATOR,SEX,TIME_PERIOD,OBS_VALUE"
    found = refused(campaign, table("1,a,M,2023,80", "1,a,F,2023,70", header=header))
    says(found["sdmx.several-facts"], "SEX=M", "SEX=F", "[where]")
    assert "SEX" in found["sdmx.several-facts"].values["names"]


EUROSTAT = "freq,unit,geo,sex,TIME_PERIOD,OBS_VALUE,OBS_FLAG"
OFFICE = """
unit = "geo"
unit_attribute = "iso"
[indicators.a]
freq = "A"
[measures]
PC_HH = "%"
"""


@pytest.mark.parametrize("order", [["M", "F"], ["F", "M"]])
def test_one_city_of_one_group_and_another_of_another_are_no_series(campaign, order):
    rows = [
        f"A,PC_HH,{geo},{sex},2023,8{i},b"
        for i, (geo, sex) in enumerate(zip(("SZ", "TZ"), order, strict=True))
    ]
    found = refused(campaign, table(*rows, header=EUROSTAT), OFFICE)
    says(found["sdmx.mixed-dimension"], "sex", "M", "F", "[where]", "may_differ")
    assert found["sdmx.mixed-dimension"].values["name"] == "sex"
    assert run(campaign, table(*rows, header=EUROSTAT), 'may_differ = ["sex"]\n' + OFFICE).new == 2


def test_a_value_that_is_chosen_among_several_is_no_mixture(campaign):
    rows = ("A,PC_HH,SZ,M,2023,80,", "A,PC_HH,TZ,T,2023,81,")
    chosen = OFFICE.replace('freq = "A"', 'freq = "A"\nsex = ["M", "T"]')
    assert run(campaign, table(*rows, header=EUROSTAT), chosen).new == 2


def test_a_dimension_that_names_the_cities_in_other_words_may_differ(campaign):
    rows = ("A,PC_HH,SZ,Su,2023,80,", "A,PC_HH,TZ,Tai,2023,81,", "A,PC_HH,CD,Cheng,2023,82,")
    assert run(campaign, table(*rows, header=EUROSTAT), OFFICE).new == 3


def test_attributes_after_the_value_may_differ(campaign):
    header = "geo,freq,TIME_PERIOD,OBS_VALUE,unit,COMMENT"
    rows = ("SZ,A,2023,80,PC_HH,from a survey", "TZ,A,2023,81,PC_HH,from the register")
    assert run(campaign, table(*rows, header=header), OFFICE).new == 2


@pytest.mark.parametrize("form", ["SDMX-JSON 1.0", "generic"])
def test_other_forms_say_which_names_are_dimensions(tmp_path, form):
    name = next((known for known in FORMS if known.casefold().find(form.casefold()) >= 0), form)
    assert {"REF_AREA", "INDICATOR", "TIME_PERIOD"} <= read(tmp_path, FORMS[name]).dimensions
    assert "OBS_STATUS" not in read(tmp_path, FORMS[name]).dimensions


def test_the_unit_of_measure_of_eurostat_is_looked_at(campaign):
    rows = ("A,THS_HH,SZ,T,2023,942,", "A,PC_HH,TZ,T,2023,90,")
    found = refused(campaign, table(*rows, header=EUROSTAT), OFFICE)
    says(found["sdmx.unknown-measure"], "THS_HH", "%", "unit")


def test_a_message_without_a_unit_of_measure_is_noted(campaign):
    (warning,) = run(campaign, table("1,a,2023,80")).warnings
    assert (warning.code, warning.severity, warning.values["codes"]) == (
        "sdmx.measure-not-stated", "warning", ["a"],
    )  # fmt: skip
    rules = '[measures]\n"" = "%"'
    assert run(campaign, table("2,a,2023,80"), rules).warnings == ()


@pytest.mark.parametrize(
    ("cells", "value", "state", "note"),
    [
        ("80,e", 80.0, "value", "OBS_FLAG=e"), ("80,i", 80.0, "value", "OBS_FLAG=i"),
        (":,c", None, "missing", "OBS_FLAG=c"), (",bz", None, "not_applicable", "OBS_FLAG=bz"),
        ("80,a", 80.0, "value", "OBS_FLAG=a"), ("80,", 80.0, "value", None),
    ],
)  # fmt: skip
def test_flags_of_eurostat_are_kept(campaign, cells, value, state, note):
    run(campaign, table(f"A,PC_HH,SZ,T,2023,{cells}", header=EUROSTAT), OFFICE)
    assert facts(campaign, "value", "state", "origin", "note") == [(value, state, "observed", note)]


@pytest.mark.parametrize(
    ("told", "period"),
    [
        ("2023-A1", "2023"), ("2023-01-01/P1Y", "2023"), ("2023-12-31", "2023"), ("2023-01-01", "2023"),
        ("2023-Q1", "2023-Q1"), ("2023-06-30", "2023-06-30"),
    ],
)  # fmt: skip
def test_a_year_in_other_words_is_a_year(campaign, told, period):
    run(campaign, table(f"A,PC_HH,SZ,T,{told},80,", header=EUROSTAT), OFFICE)
    assert facts(campaign, "period") == [(period,)]


def test_the_first_day_of_a_year_is_a_day_where_data_are_not_yearly(campaign):
    run(campaign, table("D,PC_HH,SZ,T,2023-01-01,80,", header=EUROSTAT), OFFICE.replace('"A"', '"D"'))
    assert facts(campaign, "period") == [("2023-01-01",)]


def test_a_period_without_a_year_is_noted(campaign):
    done = run(campaign, table("1,a,二〇二三,80"))
    (warning,) = [one for one in done.warnings if one.code == "import.unusual-period"]
    assert (warning.values["periods"], warning.values["near"]) == (["二〇二三"], ["2023"])


def test_one_key_with_two_values_is_told_as_such(campaign):
    found = refused(campaign, table("1,a,2023,80", "1,a,2023,70"))
    assert "sdmx.several-facts" not in found
    says(found["sdmx.key-twice"], "80", "70", "REF_AREA=1")


def test_a_fact_told_twice_alike_is_recorded_once(campaign):
    assert run(campaign, table("1,a,2023,80", "1,a,2023,80")).new == 1


def test_numbers_and_multipliers_that_are_none_are_refused_with_their_rows(campaign):
    header = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MULT"
    rows = ("1,a,2023,n.e.,0", "2,a,2023,8,2.5", "3,a,2023,1e999,0", "3,c,2023,７,0")
    with pytest.raises(InputError) as caught:
        run(campaign, table(*rows, header=header))
    errors = [problem for problem in caught.value.problems if problem.severity == "error"]
    assert [(p.code, p.where.row) for p in errors] == [
        ("facts.not-a-number", 2), ("sdmx.bad-multiplier", 3), ("facts.not-a-number", 4),
        ("facts.not-a-number", 5),
    ]  # fmt: skip


def test_an_observation_without_a_period_is_refused(campaign):
    found = refused(campaign, table("1,a,,80", "1,c,2023,4", "2,a,,7"))
    says(found["sdmx.no-period"], "TIME_PERIOD", "2", "4")


def test_a_share_beyond_100_is_noted_as_from_a_table(campaign):
    framework = (campaign / "framework.csv").read_text("utf-8").splitlines()
    scaled = [
        framework[0] + ",scale",
        *(r + (",share" if r.startswith("a,") else ",") for r in framework[1:]),
    ]
    (campaign / "framework.csv").write_text("\n".join(scaled), "utf-8")
    done = run(
        campaign, table("1,a,2023,180,%", header="REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE")
    )
    assert [problem.code for problem in done.warnings] == ["facts.share-beyond-100"]


@pytest.mark.parametrize(
    ("rules", "code", "named"),
    [
        ("units = 3", "sdmx.bad-map", "units"),
        ("colour = 1", "sdmx.bad-map", "colour"),
        ("[factors]\na = 0", "sdmx.bad-map", "a"),
        ("[factors]\na = nan", "sdmx.bad-map", "a"),
        ('[states]\nO = "gone"', "sdmx.bad-map", "gone"),
        ('channel = "post"', "sdmx.bad-map", "web"),
        ("[indicators", "file.not-toml", ""),
        ('[indicators.zz]\nINDICATOR = "a"', "import.map-codes", "zz"),
        ("[factors]\nzz = 2", "import.map-codes", "zz"),
        ('[units]\nX = "99"', "sdmx.map-units", "99"),
        ('unit_attribute = "nuts"', "sdmx.no-attribute", "nuts"),
    ],
)
def test_a_map_that_cannot_be_used_is_refused(campaign, rules, code, named):
    says(refused(campaign, table("1,a,2023,80"), rules)[code], named)


@pytest.mark.parametrize(
    ("rules", "english", "chinese"),
    [
        ("colour = 1", "there is no such key", "没有这个键"),
        ("units = 3", "it must be a table of keys and values", "应为由键和值组成的表"),
        (
            'other_units = "drop"',
            "it must be one of: 'refuse' or 'leave_out'",
            "应为下列之一：'refuse'、'leave_out'",
        ),
        ("unit = 3", "it must be text in quotes", "应为加引号的文本"),
        ('channel = "post"', "a channel is one of", "采集渠道应为下列之一"),
        ("unit 3", "Expected '=' after a key", "键之后缺少等号（第 1 行第 6 列）"),
    ],
)
def test_what_is_wrong_with_a_map_is_said_in_both_languages(campaign, rules, english, chinese):
    (problem,) = refused(campaign, table("1,a,2023,80"), rules).values()
    assert english in problem.message("en")
    assert chinese in problem.message("zh")
    assert english not in problem.message("zh")
    assert problem.where.column != "."


def test_an_attribute_that_two_units_share_decides_nothing(campaign):
    units = (campaign / "units.csv").read_text("utf-8").replace("TZ", "SZ")
    (campaign / "units.csv").write_text(units, "utf-8")
    found = refused(campaign, table("SZ,a,2023,80"), 'unit_attribute = "iso"')
    says(found["sdmx.attribute-not-unique"], "iso", "SZ", "1", "2")


def test_a_map_or_message_that_is_not_there_is_named(campaign):
    for message, name in ((campaign / "none.xml", None), (campaign / "units.csv", "none")):
        with pytest.raises(InputError) as caught:
            import_sdmx(campaign, message, SdmxImport(map=name))
        assert [problem.code for problem in caught.value.problems] == ["file.not-found"]


# From the web.


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Serve a folder; what is below /away leads to a file of the machine, below /slow never ends."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/away"):
                self.send_response(302)
                self.send_header("Location", "file:///etc/hostname")
                self.end_headers()
            elif self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/cities.json?x=1")
                self.end_headers()
            elif self.path.startswith("/slow"):
                time.sleep(0.5)
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    place = tmp_path / "site"
    place.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(place))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", place
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["/cities.json", "/moved"])
def test_a_message_from_the_web_is_kept_as_it_came_with_its_address(campaign, site, path):
    write(site[1], FORMS["SDMX-JSON 1.0"], "cities.json")
    done = import_sdmx(campaign, site[0] + path)
    assert done.new == 3
    (source,) = cg.open(campaign).sources.values()
    assert source.url == site[0] + path
    assert source.file.endswith(".json")
    assert (campaign / source.file).read_text() == FORMS["SDMX-JSON 1.0"]


def test_xml_from_the_web_is_looked_at_before_it_is_parsed(campaign, site):
    write(site[1], BOMB, "data")
    with pytest.raises(InputError) as caught:
        import_sdmx(campaign, f"{site[0]}/data")
    assert [problem.code for problem in caught.value.problems] == ["sdmx.document-type"]


@pytest.mark.parametrize("path", ["/none.json", "/away", "/slow"])
def test_an_address_that_gives_nothing_is_named_with_the_reason(campaign, site, path, monkeypatch):
    monkeypatch.setattr(sdmx_fetch, "SECONDS", 0.1)
    with pytest.raises(InputError) as caught:
        import_sdmx(campaign, site[0] + path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("sdmx.not-fetched", Where(site[0] + path))


def test_nothing_beyond_the_limits_is_read(campaign, site, monkeypatch):
    write(site[1], "x" * 1000, "long")
    monkeypatch.setattr(sdmx_fetch, "MAX_BYTES", 100)
    with pytest.raises(InputError) as caught:
        import_sdmx(campaign, f"{site[0]}/long")
    assert [problem.code for problem in caught.value.problems] == ["sdmx.too-large"]
    monkeypatch.setattr(sdmx_fetch, "MAX_BYTES", 10_000)
    monkeypatch.setattr(sdmx_fetch, "MAX_SECONDS", -1)
    with pytest.raises(InputError) as caught:
        import_sdmx(campaign, f"{site[0]}/long")
    assert [problem.code for problem in caught.value.problems] == ["sdmx.not-fetched"]


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://localhost/x", "data://x"])
def test_only_the_web_is_asked(campaign, address):
    with pytest.raises(InputError) as caught:
        import_sdmx(campaign, address)
    assert [problem.code for problem in caught.value.problems] == ["sdmx.not-web"]


# Properties.


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> cg.Framework:
    file = tmp_path_factory.mktemp("tree") / "framework.csv"
    file.write_text("code,parent,direction\nI,,\na,I,1\n", encoding="utf-8")
    return read_framework(file)


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)


@given(value=NUMBERS, power=st.integers(-9, 12))
def test_a_power_of_ten_moves_the_point_and_nothing_else(tree, value, power):
    one = SdmxObservation(
        1, {"REF_AREA": "1", "INDICATOR": "a", "TIME_PERIOD": "2023", "UNIT_MULT": str(power)}, f"{value:f}"
    )
    problems = Problems()
    units = Units(pl.DataFrame({"unit": ["1"]}))
    (cell,) = sdmx_facts(SdmxMessage((one,)), SdmxMap(), tree, units, Where("m"), problems).cells
    assert list(problems) == []
    assert float(cell.value or "nan") == float(f"{value:f}e{power}")


@given(rows=st.permutations(CSV_1.splitlines()[1:]), columns=st.permutations(range(8)))
def test_the_order_of_rows_and_columns_of_csv_says_nothing(tmp_path_factory, rows, columns):
    lines = [row.split(",") for row in (CSV_1.splitlines()[0], *rows)]
    text = io.StringIO()
    csv.writer(text).writerows([line[i] for i in columns] for line in lines)
    found = read(tmp_path_factory.mktemp("csv"), text.getvalue()).observations
    plain = read(tmp_path_factory.mktemp("csv"), CSV_1).observations
    assert {(frozenset(one.fields.items()), one.value) for one in found} == {
        (frozenset(one.fields.items()), one.value) for one in plain
    }


def test_the_states_of_the_code_list_are_states_of_the_contract():
    assert set(STATUS_STATES.values()) <= {"missing", "not_applicable", "not_measurable"}
