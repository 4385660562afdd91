"""What a Word file says of itself: its properties, and the plain data that the report carries along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from citygauge.report.book.word.xml import attribute, said

DATA_NAMESPACE = "urn:citygauge:report"
_ITEM_ID = "{5C17CA9E-0000-4000-8000-000000000001}"
_FORMAT = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"  # of custom properties, the same in every file
_PROPERTIES = "http://schemas.openxmlformats.org/officeDocument/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def custom_properties(meta: Mapping[str, Any]) -> bytes:
    """Return plain data as properties that every reader of Word files shows; what is nested, as JSON."""
    lines = "".join(
        f'<property fmtid="{_FORMAT}" pid="{pid}" name={attribute(f"citygauge.{name}")}>'
        f"<vt:lpwstr>{said(value if isinstance(value, str) else _json(value))}</vt:lpwstr></property>"
        for pid, (name, value) in enumerate(sorted(meta.items()), 2)
    )
    spaces = f'xmlns="{_PROPERTIES}/custom-properties" xmlns:vt="{_PROPERTIES}/docPropsVTypes"'
    return f"{_HEAD}<Properties {spaces}>{lines}</Properties>".encode()


def data_part(meta: Mapping[str, Any]) -> bytes:
    """Return plain data as JSON in one element."""
    return f'{_HEAD}<citygauge xmlns="{DATA_NAMESPACE}">{said(_json(meta))}</citygauge>'.encode()


def data_properties() -> bytes:
    """Return the part that names the one above to Word."""
    space = "http://schemas.openxmlformats.org/officeDocument/2006/customXml"
    schema = f'<ds:schemaRefs><ds:schemaRef ds:uri="{DATA_NAMESPACE}"/></ds:schemaRefs>'
    item = f'<ds:datastoreItem ds:itemID="{_ITEM_ID}" xmlns:ds="{space}">{schema}</ds:datastoreItem>'
    return f"{_HEAD}{item}".encode()


def settings(tag: str) -> str:
    """Return the settings of a plain file: fields are refreshed when it is opened."""
    name = "http://schemas.microsoft.com/office/word"
    return (
        '<w:zoom w:percent="100"/><w:defaultTabStop w:val="420"/>'
        '<w:characterSpacingControl w:val="compressPunctuation"/><w:updateFields w:val="true"/>'
        f'<w:compat><w:compatSetting w:name="compatibilityMode" w:uri="{name}" w:val="15"/></w:compat>'
        f'<w:themeFontLang w:val="{tag}" w:eastAsia="zh-CN"/>'
        '<w:decimalSymbol w:val="."/><w:listSeparator w:val=","/>'
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
