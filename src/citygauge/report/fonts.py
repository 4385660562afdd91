"""Which fonts can set a text: families found through Typst, characters looked up in the files themselves."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from citygauge.problems import Language

if TYPE_CHECKING:
    import typst

# In the order in which they are taken; those of simplified Chinese first.
CJK_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "思源黑体",
    "PingFang SC", "Microsoft YaHei", "微软雅黑", "Hiragino Sans GB", "Heiti SC", "STHeiti",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Sarasa Gothic SC", "HarmonyOS Sans SC", "DengXian", "SimHei",
    "Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Songti SC", "STSong", "SimSun",
    "Droid Sans Fallback", "AR PL UMing CN", "AR PL UKai CN", "Arial Unicode MS",
)  # fmt: skip
LATIN_FAMILIES = (
    "Source Sans 3", "Noto Sans", "Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans",
    "Libertinus Serif",
)  # fmt: skip
_PROBE = "城评指标得分"


@dataclass(frozen=True, slots=True)
class Choice:
    """The families to set a text in, in order; whether one for Chinese is lacking; what no font has."""

    families: tuple[str, ...]
    lacks_cjk: bool
    uncovered: str


def choose(text: Iterable[str], language: Language, fonts: typst.Fonts) -> Choice:
    """Return the families for a text in a language, and the characters that no font of the machine has."""
    wanted = frozenset(char for part in text for char in part if _is_drawn(char))
    families = {info.family for info in fonts.fonts()}
    files = tuple((info.family, info.path, info.index) for info in fonts.fonts() if info.path)
    latin = next((name for name in LATIN_FAMILIES if name in families), "Libertinus Serif")
    cjk = next((name for name in CJK_FAMILIES if name in families), "") or _any_cjk(files)
    lacks_cjk = not cjk and any(is_cjk(char) for char in wanted)
    order = (cjk, latin) if language == "zh" else (latin, cjk)
    chosen = tuple(name for name in order if name)
    left = frozenset(char for char in wanted if not _is_in_typst(char))
    for _, path, index in sorted(files, key=lambda file: file[0] not in chosen):
        if not left:
            break
        left -= covered(path, index, left)
    return Choice(chosen, lacks_cjk, "".join(sorted(left)))


def is_cjk(char: str) -> bool:
    """Tell whether a character is of Chinese writing, full-width punctuation included."""
    code = ord(char)
    return (
        0x2E80 <= code <= 0x303F or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF or 0x20000 <= code <= 0x3FFFF
    )  # fmt: skip


def covered(path: str, index: int, wanted: Iterable[str]) -> frozenset[str]:
    """Return those of the wanted characters for which a font has a glyph; none where it cannot be read."""
    starts, ends = _ranges(path, index)
    codes = np.array(sorted(map(ord, wanted)), dtype=np.int64)
    at = np.searchsorted(starts, codes, side="right") - 1
    found = (at >= 0) & (codes <= ends[np.maximum(at, 0)]) if starts.size else np.zeros(codes.size, bool)
    return frozenset(map(chr, codes[found].tolist()))


def _any_cjk(files: Sequence[tuple[str, str, int]]) -> str:
    """Return a family of whatever name that has common Chinese characters."""
    return next((f for f, path, index in files if len(covered(path, index, _PROBE)) == len(_PROBE)), "")


def _is_drawn(char: str) -> bool:
    """Tell whether a character is to be seen: no space, no control, no selector of variants."""
    blank = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
    return not blank and not 0xFE00 <= ord(char) <= 0xFE0F


def _is_in_typst(char: str) -> bool:
    """Tell whether the fonts that come with Typst have a character: Latin, Greek, Cyrillic, punctuation."""
    return ord(char) < 0x0500 or char in "–—‘’“”•…−×÷±≤≥≠µ⁰¹²³⁴⁵⁶⁷⁸⁹⁻€™"


Range = tuple[NDArray[np.int64], NDArray[np.int64]]
_NONE: Range = (np.zeros(0, np.int64), np.zeros(0, np.int64))


@cache
def _ranges(path: str, index: int) -> Range:
    """Return first and last character of every run of characters that a font file maps to glyphs."""
    try:
        data = Path(path).read_bytes()
        return _character_map(data, _table(data, index, b"cmap"))
    except (OSError, struct.error, ValueError, IndexError):
        return _NONE


def _table(data: bytes, index: int, tag: bytes) -> int:
    """Return where a table of the font begins; a collection holds several fonts."""
    start = struct.unpack_from(">I", data, 12 + 4 * index)[0] if data[:4] == b"ttcf" else 0
    for record in range(struct.unpack_from(">H", data, start + 4)[0]):
        name, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * record)
        if name == tag:
            return int(offset)
    raise ValueError(tag)


def _character_map(data: bytes, start: int) -> Range:
    """Read the fullest Unicode map of a font: format 12 (all planes), else format 4 (the first plane)."""
    places = [
        struct.unpack_from(">HHI", data, start + 4 + 8 * i)
        for i in range(struct.unpack_from(">H", data, start + 2)[0])
    ]
    for wanted, read in ((12, _format_12), (4, _format_4)):
        for platform, encoding, offset in places:
            is_unicode = platform == 0 or (platform == 3 and encoding in {1, 10})
            if is_unicode and struct.unpack_from(">H", data, start + offset)[0] == wanted:
                return read(data, start + offset)
    return _NONE


def _format_12(data: bytes, at: int) -> Range:
    count = struct.unpack_from(">I", data, at + 12)[0]
    groups = np.frombuffer(data, ">u4", count * 3, at + 16).reshape(count, 3).astype(np.int64)
    groups = groups[(groups[:, 2] > 0) | (groups[:, 1] > groups[:, 0])]
    return groups[:, 0], groups[:, 1]


def _format_4(data: bytes, at: int) -> Range:
    """Segments that point to a list of glyphs may hold gaps, so these are taken character by character."""
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    ends, starts, offsets = (
        np.frombuffer(data, ">u2", count, place).astype(np.int64)
        for place in (at + 14, at + 16 + 2 * count, at + 16 + 6 * count)
    )
    single: list[NDArray[np.int64]] = []
    whole = offsets == 0
    table = at + 16 + 6 * count
    for i in np.flatnonzero(~whole & (ends < 0xFFFF)):
        codes = np.arange(starts[i], ends[i] + 1)
        glyphs = np.frombuffer(data, ">u2", codes.size, table + 2 * int(i) + int(offsets[i]))
        single.append(codes[glyphs > 0])
    lone = np.concatenate([np.zeros(0, np.int64), *single])
    keep = whole & (ends < 0xFFFF)
    first, last = np.concatenate([starts[keep], lone]), np.concatenate([ends[keep], lone])
    order = np.argsort(first, kind="stable")
    return first[order], last[order]
