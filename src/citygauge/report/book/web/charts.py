"""Charts in a page: as a picture that needs nothing, and as data for the script that makes them answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import vl_convert
from markupsafe import Markup, escape

_TAG = re.compile(r"""<(?:[^"'<>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_WIDTH = re.compile(r'<svg[^>]*? width="([\d.]+)')
_PAINT = re.compile(r"url\(#([^)]*)\)")
_POINTS = frozenset({"href", "xlink:href"})
_PAINTED = frozenset({"clip-path", "fill", "filter", "mask", "stroke", "style"})
_IN_JSON = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def picture(svg: str, prefix: str, alt: str) -> Markup:
    """Return an SVG of our own as part of a page: one image with a name, its ids apart from all others.

    Parameters
    ----------
    svg : str
        As the renderer writes it.
    prefix : str
        Stands before every id, and before every name of one.
    alt : str
        What the image shows.
    """
    svg = svg[svg.index("<svg") :]
    names = (found[2] for tag in _TAG.findall(svg) for found in _ATTRIBUTE.finditer(tag) if found[1] == "id")
    # Counted anew, because the renderer goes on counting from one picture to the next.
    ids = {name: f"{prefix}-{i}" for i, name in enumerate(dict.fromkeys(names), start=1)}
    svg = _TAG.sub(lambda tag: _ATTRIBUTE.sub(lambda found: _renamed(found, ids), tag[0]), svg)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1))


def least_width(svg: str) -> str:
    """Return the width below which a picture is scrolled, because its letters would be too small to read.

    Examples
    --------
    >>> least_width('<svg width="700" height="532">'), least_width("<svg>")
    ('560px', '0')
    """
    found = _WIDTH.search(svg)
    return f"{0.8 * float(found[1]):.0f}px" if found else "0"


def _renamed(found: re.Match[str], ids: Mapping[str, str]) -> str:
    """Return an attribute with the new names of the ids in it."""
    name, value = found[1], found[2]
    if name == "id":
        value = ids[value]
    elif name in _POINTS and value.startswith("#"):
        value = f"#{ids.get(value[1:], value[1:])}"
    elif name in _PAINTED:
        value = _PAINT.sub(lambda one: f"url(#{ids.get(one[1], one[1])})", value)
    return f'{name}="{value}"'


def data_script(data: Any) -> Markup:
    """Return plain data as JSON that a script element can hold, whatever stands in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char, code in _IN_JSON.items():
        text = text.replace(char, code)
    return Markup(text)


def specification(chart: Mapping[str, Any], alt: str) -> Markup:
    """Return a chart for the script; it says what it shows, and names no address."""
    return data_script({**{k: v for k, v in chart.items() if k != "$schema"}, "description": alt})


@cache
def library() -> Markup:
    """Return the script that draws charts which answer to the pointer (Vega, Vega-Lite, vega-embed)."""
    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    bundle = bundle.replace("\r\n", "\n").replace("</script", "<\\/script")
    return Markup("(() => {\n" + bundle + "\n})();")


def allowed(*scripts: str) -> str:
    """Return the sources of a content security policy that let these scripts run and no others."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
