"""SDMX data messages, in XML, JSON or CSV, as a plain list of observations.

SDMX-ML is read by the library sdmx1. Its reader of JSON knows only the layout from before SDMX-JSON 1.0 and
drops attributes of series, among them the multiplier of the values; its reader of CSV needs the structure
definition. Both forms are therefore read here, after their field guides.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from citygauge.faults import reasoned
from citygauge.problems import Problem, Problems, Where

MAX_BYTES = 20_000_000  # in XML 300,000 observations, which take a gigabyte and half a minute
VALUE = "OBS_VALUE"
# Columns of SDMX-CSV that are neither dimension nor attribute.
_STRUCTURE = {
    "LAST UPDATE",
    "DATAFLOW",
    "STRUCTURE",
    "STRUCTURE_ID",
    "STRUCTURE_NAME",
    "ACTION",
    "SERIES_KEY",
    "OBS_KEY",
}
# Attributes of a DataSet element that are the standard's own.
_OF_SET = {"structureRef", "setID", "action", "dataScope", "validFromDate", "validToDate", "publicationYear",
           "publicationPeriod", "reportingBeginDate", "reportingEndDate"}  # fmt: skip
# Attributes that do not tell one observation from another; without a structure definition they look alike.
_ASIDE = {"UNIT_MULT", "DECIMALS", "CONF_STATUS", "TIME_FORMAT", "COLLECTION", "TITLE", "TITLE_COMPL"}


@dataclass(frozen=True, slots=True)
class SdmxObservation:
    """One observation: its number in the message (its row in CSV), dimensions and attributes, its value.

    `value` is the text as it stands there, None where there is none or ``NaN``.
    """

    number: int
    fields: Mapping[str, str]
    value: str | None

    @property
    def key(self) -> str:
        """What identifies it: ``FREQ=A;REF_AREA=AT;TIME_PERIOD=2023``."""
        held = ((n, t) for n, t in self.fields.items() if not is_aside(n))
        return ";".join(f"{name}={text}" for name, text in held)


@dataclass(frozen=True, slots=True)
class SdmxMessage:
    """A data message: who sent it, when it was prepared, and what it says.

    `dimensions` are the names that the form gives as such: in CSV those of the columns before the value.
    """

    observations: tuple[SdmxObservation, ...]
    sender: str = ""
    prepared: str = ""
    dimensions: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """The dimensions and attributes of all observations."""
        return list(dict.fromkeys(name for one in self.observations for name in one.fields))


def is_aside(name: str) -> bool:
    """Tell whether a name is that of an attribute that tells no observation from another."""
    return name in _ASIDE or name.startswith("OBS_")


class _NotDataError(Exception):
    """Content that is no data message, with the reason in both languages."""

    def __init__(self, en: str, zh: str) -> None:
        self.en, self.zh = en, zh
        super().__init__(en)


class _DocumentTypeError(Exception):
    """XML that declares a document type, and so perhaps entities."""


class _DeletionError(Exception):
    """A data set that asks for its observations to be deleted."""


def read_sdmx_message(path: Path, problems: Problems) -> SdmxMessage | None:
    """Return the content of an SDMX data message; None where it cannot be used.

    Read are SDMX-ML 2.1 (generic and structure-specific, by time series or flat, without a structure
    definition) and 3.0, SDMX-JSON 1.0 and 2.0, and SDMX-CSV 1.0 and 2.0; the form is found by content.
    Attributes of data set, group and series are given to their observations. XML that declares a document
    type is refused before it is parsed, because entities can unpack to gigabytes or name other files; so
    is a file of more than `MAX_BYTES`, and a message that asks for deletion.
    """
    where = Where(path.name)
    if (size := path.stat().st_size) > MAX_BYTES:
        problems.add("sdmx.too-large", where, size=size / 1e6, limit=MAX_BYTES / 1e6)
        return None
    content = path.read_bytes()
    read = {".xml": _xml, ".json": _json, ".csv": _csv}[sdmx_suffix(content)]
    try:
        message = read(content)
    except ModuleNotFoundError:
        problems.add("sdmx.no-library", where, command='pip install "citygauge[sdmx]"')
    except _DocumentTypeError:
        problems.add("sdmx.document-type", where)
    except _NotDataError as error:
        problems.extend([reasoned(Problem("sdmx.not-data", where), error.en, error.zh)])
    except _DeletionError:
        problems.add("sdmx.deletion", where)
    else:
        if message.observations:
            return message
        told = ("it holds no observation", "其中没有观测值")
        problems.extend([reasoned(Problem("sdmx.not-data", where), *told)])
    return None


def sdmx_suffix(content: bytes) -> str:
    """Return the suffix of the form that a content has.

    >>> sdmx_suffix(b'{"meta": {}}'), sdmx_suffix(b"STRUCTURE,STRUCTURE_ID"), sdmx_suffix(b"<a/>")
    ('.json', '.csv', '.xml')
    """
    start = content[:1000].replace(b"\x00", b"")
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        start = start.removeprefix(mark)
    return {b"<": ".xml", b"{": ".json"}.get(start.lstrip()[:1], ".csv")


def _xml(content: bytes) -> SdmxMessage:
    sets = _data_sets(content)  # refuses what must not reach the library's parser
    # The reader of 3.0 cannot be imported any more once that of 2.1 has met a message's own namespace.
    import sdmx  # noqa: PLC0415 - slow to import
    import sdmx.reader.xml.v30  # noqa: PLC0415

    try:
        # What it cannot read it prints, and it warns of the structure definition that nobody needs here.
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            message = sdmx.read_sdmx(io.BytesIO(content), format="XML")
    except Exception:  # it lets through whatever its parts raise, in words for programmers
        raise _NotDataError("the XML is not laid out as SDMX-ML", "XML 的结构不是 SDMX-ML") from None
    if not isinstance(message, sdmx.message.DataMessage):
        kind = type(message).__name__.removesuffix("Message").lower()
        raise _NotDataError(
            f"it is a message of the kind {kind}, without data", f"这是 {kind} 类报文，不含数据"
        )
    sender, prepared = message.header.sender, message.header.prepared
    return SdmxMessage(
        tuple(_numbered(_xml_observations(message.data, sets))),
        str(getattr(sender, "name", "") or getattr(sender, "id", "") or ""),
        str(prepared or "")[:10],
        frozenset(name for data_set in message.data for one in data_set.obs for name in one.key.values),
    )


def _xml_observations(
    data: Iterable[Any], sets: Sequence[Mapping[str, str]]
) -> Iterator[tuple[dict[str, str], Any]]:
    """Yield dimensions, attributes and value; `sets` are the attributes of each data set's element."""
    for place, data_set in enumerate(data):
        told = {name: str(held.value) for name, held in getattr(data_set, "attrib", {}).items()}
        told = {**(sets[place] if place < len(sets) else {}), **told}
        for one in data_set.obs:
            dimensions = {name: str(held.value) for name, held in one.key.values.items()}
            attributes = {name: str(held.value) for name, held in one.attrib.items()}
            own = {name: str(held.value) for name, held in one.attached_attribute.items()}
            yield {**dimensions, **told, **attributes, **own, **dimensions}, one.value


def _data_sets(content: bytes) -> list[dict[str, str]]:
    """Return the attributes of each DataSet element, the standard's own left out.

    The library passes over those of a structure-specific message for which it has no structure definition.
    """
    sets: list[dict[str, str]] = []
    specific = False

    def refuse(*_: object) -> None:
        raise _DocumentTypeError

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal specific
        local = name.rpartition(" ")[2]
        specific = specific or local.startswith("StructureSpecific")
        if local != "DataSet":
            return
        if any(n.rpartition(" ")[2] == "action" and t == "Delete" for n, t in attributes.items()):
            raise _DeletionError
        sets.append({n: t for n, t in attributes.items() if specific and " " not in n and n not in _OF_SET})

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        line, column = error.lineno, error.offset + 1
        reason = f"the XML breaks off or is faulty in line {line}, column {column}"
        raise _NotDataError(reason, f"XML 不完整或有误（第 {line} 行第 {column} 列）") from None
    except (ValueError, LookupError):
        raise _NotDataError("the encoding of the XML is not known", "XML 声明的编码无法识别") from None
    return sets


def _json(content: bytes) -> SdmxMessage:
    try:
        # Numbers stay text, so that no digit is lost; indices are whole numbers.
        told = json.loads(content, parse_float=str, parse_constant=lambda _: None)
        data = told.get("data") or told
        structures = data.get("structures") or [data["structure"]]
        found: list[tuple[dict[str, str], Any]] = []
        for data_set in data["dataSets"]:
            if data_set.get("action") == "Delete":
                raise _DeletionError
            found += _json_observations(data_set, structures[int(data_set.get("structure") or 0)])
        header = told.get("meta") or told.get("header") or {}
        sender = header.get("sender") or {}
        name = sender.get("name") or sender.get("id") or ""
        return SdmxMessage(
            tuple(_numbered(found)), str(name), str(header.get("prepared") or "")[:10], _named(structures)
        )
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        reason = f"the JSON breaks off or is faulty in line {line}, column {column}"
        raise _NotDataError(reason, f"JSON 不完整或有误（第 {line} 行第 {column} 列）") from None
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        raise _NotDataError("the JSON is not laid out as SDMX-JSON", "JSON 的结构不是 SDMX-JSON") from None


def _json_observations(
    data_set: Mapping[str, Any], structure: Mapping[str, Any]
) -> Iterator[tuple[dict[str, str], Any]]:
    """Yield dimensions, attributes and value of the observations in series, then of those outside."""
    dimensions, attributes = structure["dimensions"], structure.get("attributes") or {}
    by_set, by_series, by_one = (dimensions.get(n) or [] for n in ("dataSet", "series", "observation"))
    of_set, of_series, of_one = (attributes.get(n) or [] for n in ("dataSet", "series", "observation"))
    measured = _measures(structure)
    groups = _groups(data_set, attributes.get("dimensionGroup") or [])
    # An attribute shown for the whole set has one value, whether or not the set points to it.
    fixed = _attributes(of_set, data_set.get("attributes") or [0] * len(of_set))
    fixed = {**_dimensions(by_set, ["0"] * len(by_set)), **fixed}
    held = [(key.split(":"), series) for key, series in (data_set.get("series") or {}).items()]
    for above, series in [*held, ([], data_set)]:
        outside = series is data_set
        common = fixed if outside else {**fixed, **_dimensions(by_series, above if by_series else [])}
        told = {} if outside else _attributes(of_series, series.get("attributes") or [])
        for place, row in (series.get("observations") or {}).items():
            slots = place.split(":")
            keys = _dimensions(by_one, slots if by_one else [])
            own = _attributes(of_one, row[len(measured) :])
            number = measured.index(VALUE) if VALUE in measured else 0
            group = _of_groups(groups, [*above, *slots])
            yield {**common, **keys, **group, **told, **own}, row[number] if number < len(row) else None


def _named(structures: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the ids of all dimensions."""
    levels = (level or [] for structure in structures for level in structure["dimensions"].values())
    return frozenset(str(one["id"]) for level in levels for one in level)


def _measures(structure: Mapping[str, Any]) -> list[str]:
    """Return the ids of what each observation begins with: its value, in SDMX 3 perhaps several."""
    measures = (structure.get("measures") or {}).get("observation") or [{"id": VALUE}]
    measured = [measure["id"] for measure in measures]
    if len(measured) > 1 and VALUE not in measured:
        raise ValueError(f"measures {measured}")
    return measured


def _groups(
    data_set: Mapping[str, Any], components: Sequence[Mapping[str, Any]]
) -> list[tuple[list[str], dict[str, str]]]:
    """Return the attributes of groups of dimensions, each with the indices it holds for."""
    told = (data_set.get("dimensionGroupAttributes") or {}).items()
    return [(key.split(":"), _attributes(components, row)) for key, row in told]


def _of_groups(groups: Iterable[tuple[list[str], dict[str, str]]], slots: list[str]) -> dict[str, str]:
    """Return the attributes of the groups that an observation is in; a blank index is any."""
    found: dict[str, str] = {}
    for wanted, told in groups:
        if len(wanted) != len(slots):
            raise ValueError(f"dimensionGroupAttributes {':'.join(wanted)}")
        if all(want in ("", slot) for want, slot in zip(wanted, slots, strict=True)):
            found |= told
    return found


def _dimensions(components: Sequence[Mapping[str, Any]], slots: Sequence[str]) -> dict[str, str]:
    """Return the values of dimensions whose indices are given."""
    pairs = zip(components, slots, strict=True)
    return {str(component["id"]): _value(component["values"], int(slot)) for component, slot in pairs}


def _attributes(components: Sequence[Mapping[str, Any]], given: Sequence[Any]) -> dict[str, str]:
    """Return the values of attributes, given by index or as they are; a default stands in for none."""
    found = {}
    for place, component in enumerate(components):
        item = given[place] if place < len(given) else None
        items = item if isinstance(item, list) else [item]
        texts = [
            _value(component["values"], one) if isinstance(one, int) and component.get("values") else str(one)
            for one in items
            if isinstance(one, int | str)
        ]
        if texts:
            found[str(component["id"])] = ";".join(texts)
        elif item is None and component.get("default") is not None:
            found[str(component["id"])] = str(component["default"])
    return found


def _value(values: Sequence[Any], index: int) -> str:
    if index < 0:
        raise IndexError(index)
    value = values[index]
    if not isinstance(value, Mapping):
        return str(value)
    told = [value[name] for name in ("id", "value", "name") if value.get(name) is not None]
    return str(told[0])


def _csv(content: bytes) -> SdmxMessage:
    try:
        text = content.decode("utf-8-sig")
        comma = ";" if text[: text.find("\n")].count(";") > text[: text.find("\n")].count(",") else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True))
    except UnicodeDecodeError:
        reason = "it is neither XML nor JSON, and no text in UTF-8"
        raise _NotDataError(reason, "既不是 XML 或 JSON，也不是 UTF-8 文本") from None
    except csv.Error:
        reason = "the CSV is faulty: perhaps a quotation mark is never closed"
        raise _NotDataError(reason, "CSV 有误，可能有引号未闭合") from None
    header = rows[0] if rows else []
    names = [title.partition(":")[0].partition("[")[0].strip() for title in header]
    if VALUE not in names:
        raise _NotDataError(f"the CSV has no column {VALUE}", f"CSV 中没有 {VALUE} 列")
    labelled = [":" in title for title in header]
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        if len(row) != len(names):
            raise _NotDataError(
                f"row {number} has {len(row)} cells and the header {len(names)}",
                f"第 {number} 行有 {len(row)} 个单元格，而列名有 {len(names)} 个",
            )
        cells = [
            cell.partition(":")[0].strip() if both else cell.strip()
            for cell, both in zip(row, labelled, strict=True)
        ]
        told = dict(zip(names, cells, strict=True))
        if told.get("ACTION", "")[:1].upper() == "D":
            raise _DeletionError
        fields = {n: t for n, t in told.items() if t and n and n != VALUE and n not in _STRUCTURE}
        found.append(SdmxObservation(number, fields, _number(told[VALUE])))
    dimensions = frozenset(names[: names.index(VALUE)]) - _STRUCTURE
    return SdmxMessage(tuple(found), dimensions=dimensions)


def _numbered(found: Iterable[tuple[dict[str, str], Any]]) -> Iterator[SdmxObservation]:
    for number, (fields, value) in enumerate(found, 1):
        yield SdmxObservation(number, fields, _number(value))


def _number(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.casefold() in {"", "nan", ":"} else text  # the colon is Eurostat's
