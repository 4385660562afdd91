"""Counterparts in a cell: ``U4SSC: EC:ICT:T:1C Dynamic … ; ~EC:ICT:T:2C | ISO 37122: health theme, …``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from citygauge.framework.model import Framework
from citygauge.framework.standards.model import Indicator, Standard, compared
from citygauge.problems import Problems, Where

_HALF_WIDTH = str.maketrans("：；｜（）～／", ":;|()~/")
_LABEL = re.compile(r"(?P<label>[^:()]+?(?::(?:19|20)\d\d(?=\s*:))?)\s*:\s*(?P<rest>.*)")
_NUMBERED = re.compile(r"[^:()]*\d[^:()]*:(?:\s|~|(?:19|20)\d\d\s*:)")
_OUTSIDE = re.compile(r";(?![^()]*\))")
_NOTE = re.compile(r"(?P<text>.*?)\s*\((?P<note>[^()]*)\)")
_NONE = {"none", "none direct", "n/a", "无", "无对应", "无直接对应"}
_THEME = re.compile(r"(?P<names>.+?)\s*(?:themes?|主题)(?:\s*[,，]\s*(?P<name>.*))?", re.IGNORECASE)
_CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Item:
    """One counterpart as written: its text, the remark after it, and whether it is marked as unchecked."""

    label: str
    text: str
    note: str = ""
    unchecked: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it says that there is no counterpart."""
        return self.text.casefold() in _NONE


@dataclass(frozen=True, slots=True)
class Reference:
    """What an indicator of a framework stands for in a standard.

    `theme` and `code` are blank where the cell does not say them; `checked` only where nobody marked it as
    unchecked and the code stands in the list of the standard's verified codes.
    """

    indicator: str
    edition: str
    theme: str = ""
    code: str = ""
    name_zh: str = ""
    name_en: str = ""
    note: str = ""
    checked: bool = False


def parse_counterpart(text: str) -> tuple[Item, ...]:
    """Return the counterparts written in one cell.

    ``|`` separates standards, each ``NAME[-EDITION]: …``; ``;`` separates the counterparts in one standard
    (and standards too, where a name with a digit and a colon follows). A counterpart is a code with an
    optional name, ``CODE-A1/A2`` for several, ``THEME theme, name``, plain words, or ``none``; ``~`` before
    it marks it as unchecked, a remark stands in brackets after it. Full-width signs are read too. What
    names no standard is kept under a blank label.

    Raises
    ------
    ValueError
        When a part is empty or its brackets do not match; the message quotes the part.

    Examples
    --------
    >>> [(i.label, i.text, i.note, i.unchecked) for i in parse_counterpart("U4SSC: ~EC:P:IN:2C (proxy)")]
    [('U4SSC', 'EC:P:IN:2C', 'proxy', True)]
    """
    found: list[Item] = []
    for segment in text.translate(_HALF_WIDTH).split("|"):
        label = ""
        for place, part in enumerate(_OUTSIDE.split(segment)):
            rest = part.strip()
            if (place == 0 or _NUMBERED.match(rest)) and (match := _LABEL.fullmatch(rest)):
                label, rest = match["label"], match["rest"]
            found.append(_item(label, rest, segment.strip() or text))
    return tuple(found)


def _item(label: str, text: str, quoted: str) -> Item:
    unchecked = text.startswith("~")
    text = text.lstrip("~ ")
    note = ""
    if match := _NOTE.fullmatch(text):
        text, note = match["text"], match["note"]
    if not text or text.count("(") != text.count(")"):
        raise ValueError(quoted)
    return Item(label, text, note, unchecked)


def references(
    framework: Framework, standard: Standard, problems: Problems
) -> dict[str, tuple[Reference, ...]]:
    """Return what each node of a framework stands for in a standard, in the order of the nodes.

    Nodes without a counterpart in it are left out. A cell that cannot be read, an edition, a theme or a
    code that the standard does not have, and a name that is not the published one are noted as warnings;
    these references are not checked.
    """
    found: dict[str, tuple[Reference, ...]] = {}
    for node in framework:
        if not node.counterpart:
            continue
        reader = _Reader(node.code, standard, problems)
        try:
            items = parse_counterpart(node.counterpart)
        except ValueError as error:
            problems.add("standards.malformed", reader.where, code=node.code, part=str(error))
            continue
        own = tuple(dict.fromkeys(one for item in items for one in reader.read(item)))
        if own:
            found[node.code] = own
    return found


@dataclass(frozen=True)
class _Reader:
    """Reads the counterparts of one node in one standard."""

    node: str
    standard: Standard
    problems: Problems

    @property
    def where(self) -> Where:
        return Where(column="counterpart")

    def read(self, item: Item) -> Iterator[Reference]:
        edition = self._edition(item)
        if edition is None or item.is_none:
            return
        editions = {one.id for one in self.standard.edition}
        if edition and edition not in editions:
            self._warn_edition(edition, sorted(editions))
            yield self._words(item, edition)
        elif match := re.fullmatch(
            rf"(?P<code>{self.standard.code})(?P<more>(?:/[A-Z]?\d+[A-Z]?)*)(?:\s+(?P<name>.*))?", item.text
        ):
            yield from self._codes(item, edition, match)
        elif re.match(self.standard.starts, item.text):
            self.problems.add("standards.malformed", self.where, code=self.node, part=item.text)
        elif match := _THEME.fullmatch(item.text):
            yield from self._themes(item, edition, match)
        else:
            yield self._words(item, edition)

    def _edition(self, item: Item) -> str | None:
        """Return the edition that a label names, blank for none; None where it is another standard."""
        said = item.label or item.text
        for label in self.standard.labels:
            if item.label and (match := re.fullmatch(rf"(?i:{re.escape(label)})(?:[-:\s]+(\d{{4}}))?", said)):
                return match[1] or self.standard.only_edition
        if any(said.casefold().startswith(label.casefold()) for label in self.standard.labels):
            part = f"{item.label}: {item.text}" if item.label else item.text
            self.problems.add("standards.malformed", self.where, code=self.node, part=part)
        return None

    def _codes(self, item: Item, edition: str, match: re.Match[str]) -> Iterator[Reference]:
        first = re.sub(r"\s", "", match["code"])
        theme, name = re.sub(r"\s", "", match["theme"]), match["name"] or ""
        stem = re.sub(r"[A-Z]?\d+[A-Z]?$", "", first)
        for code in (first, *(stem + tail for tail in match["more"].split("/")[1:])):
            listed = self.standard.indicators.get((edition, code)) or self.standard.themes.get(
                (edition, code)
            )
            inside = listed.theme if isinstance(listed, Indicator) and listed.theme else theme
            if (edition, inside) not in self.standard.themes:
                inside = ""
            if not listed and self._has_no(code, edition, inside):
                near = get_close_matches(code, [c for e, c in self.standard.indicators if e == edition], 3)
                self.problems.add("standards.unknown-code", self.where, code=self.node, value=code, near=near)
            as_published = listed is None or self._is_named(name, code, listed.name(self.standard.language))
            yield Reference(
                self.node, edition, inside, code,
                listed.name_zh if listed else name,
                listed.name_en if listed else name,
                item.note,
                bool(listed and listed.checked and as_published and not item.unchecked),
            )  # fmt: skip

    def _has_no(self, code: str, edition: str, theme: str) -> bool:
        """Tell whether a code that is not listed cannot be one: all are listed, or its theme is none."""
        complete = any(one.complete for one in self.standard.edition if one.id == edition)
        pattern = self.standard.code
        coded = any(e == edition and re.fullmatch(pattern, one) for e, one in self.standard.themes)
        return complete or (coded and not theme)

    def _is_named(self, name: str, code: str, published: str) -> bool:
        """Tell whether a name is the published one; names in another script are translations."""
        if not name or not published or bool(_CHINESE.search(name)) != bool(_CHINESE.search(published)):
            return True
        if compared(name) == compared(published):
            return True
        self.problems.add(
            "standards.other-name", self.where, code=self.node, value=code, name=name, published=published
        )
        return False

    def _themes(self, item: Item, edition: str, match: re.Match[str]) -> Iterator[Reference]:
        name = match["name"] or ""
        for said in re.split(r"\s*/\s+|\s+/\s*", match["names"]):
            theme = self.standard.theme_names.get((edition, compared(said)), "")
            if not theme:
                known = [known for e, known in self.standard.theme_names if e in {edition, ""}]
                near = get_close_matches(compared(said), known, 3)
                self.problems.add(
                    "standards.unknown-theme", self.where, code=self.node, value=said, near=near
                )
            yield Reference(self.node, edition, theme, "", name, name, item.note)

    def _words(self, item: Item, edition: str) -> Reference:
        return Reference(self.node, edition, "", "", item.text, item.text, item.note)

    def _warn_edition(self, edition: str, known: list[str]) -> None:
        self.problems.add("standards.unknown-edition", self.where, code=self.node, value=edition, known=known)
