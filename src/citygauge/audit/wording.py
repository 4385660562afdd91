"""The sentences of an audit: data in `texts/`, a file for each kind of check, in Chinese and English."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

SHOWN = 6  # names told in a sentence before it counts the rest


def words(key: str, /, **values: Any) -> tuple[str, str]:
    """Return a sentence in Chinese and English.

    Parameters
    ----------
    key : str
        ``FILE.NAME``: the entry ``[NAME]`` with ``zh`` and ``en`` in ``texts/FILE.toml``.
    values
        What stands in braces; a pair is taken as (Chinese, English), anything else as it is.
    """
    file, _, name = key.partition(".")
    entry = _texts(file)[name]
    return tuple(  # type: ignore[return-value]
        entry[language].format(**{k: v[i] if isinstance(v, tuple) else v for k, v in values.items()})
        for i, language in enumerate(("zh", "en"))
    )


def names(pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return a list of names in Chinese and English: the first few and a count of the rest.

    >>> names([("服务", "Services"), ("管理", "Management")])
    ('服务、管理', 'Services, Management')
    """
    zh, en = ("、".join(p[0] for p in pairs[:SHOWN]), ", ".join(p[1] for p in pairs[:SHOWN]))
    if (rest := len(pairs) - SHOWN) > 0:
        return f"{zh}等 {len(pairs)} 个", f"{en} and {rest} more"
    return zh, en


@cache
def _texts(file: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(resources.files(__package__).joinpath("texts", f"{file}.toml").read_text("utf-8"))
