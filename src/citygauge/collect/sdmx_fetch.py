"""An SDMX message from the web, within limits of size and time."""

from __future__ import annotations

import time
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib import request
from urllib.parse import unquote, urlsplit

from citygauge.collect.sdmx_message import MAX_BYTES, sdmx_suffix
from citygauge.problems import Problems, Where

SECONDS = 60.0  # without an answer
MAX_SECONDS = 600.0  # altogether
# The generic form needs no structure definition to tell dimensions from attributes.
ACCEPT = (
    "application/vnd.sdmx.genericdata+xml;version=2.1, application/vnd.sdmx.data+json;version=1.0.0;q=0.9, "
    "application/vnd.sdmx.data+csv;version=1.0.0;q=0.8, application/xml;q=0.5, */*;q=0.1"
)
_CHUNK = 1 << 16


def is_address(text: str) -> bool:
    """Tell whether a text is the address of something in the web, or of another scheme.

    >>> is_address("https://example.org/data"), is_address("ftp://example.org"), is_address("C:/data.xml")
    (True, True, False)
    """
    return "://" in text


def fetch_sdmx(address: str, folder: Path, problems: Problems) -> Path | None:
    """Write what an address gives to a file in `folder` and return it; None where there is nothing to read.

    Only ``http`` and ``https`` are followed, redirections included, and nothing beyond
    `sdmx_message.MAX_BYTES` is read.
    """
    if urlsplit(address).scheme.lower() not in {"http", "https"}:
        problems.add("sdmx.not-web", Where(address))
        return None
    started = time.monotonic()
    content = bytearray()
    try:
        asked = request.Request(address, headers={"Accept": ACCEPT, "User-Agent": "CityGauge"})
        with _opener().open(asked, timeout=SECONDS) as answer:
            while chunk := answer.read(_CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    values = {"size": len(content) / 1e6, "limit": MAX_BYTES / 1e6}
                    problems.add("sdmx.too-large", Where(address), **values)
                    return None
                if time.monotonic() - started > MAX_SECONDS:
                    raise TimeoutError(f"{MAX_SECONDS:g} s")
    except (OSError, HTTPException, ValueError) as error:
        problems.add("sdmx.not-fetched", Where(address), reason=str(error) or type(error).__name__)
        return None
    stem = PurePosixPath(unquote(urlsplit(address).path)).stem or urlsplit(address).hostname or "sdmx"
    name = "".join(c if c.isalnum() else "-" for c in stem)[:60]
    file = folder / f"{name}{sdmx_suffix(bytes(content[:1000]))}"
    file.write_bytes(content)
    return file


def _opener() -> request.OpenerDirector:
    """Return an opener that knows the web and nothing else, so that no answer leads to a file."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
