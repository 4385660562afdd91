"""From templates to blocks: what a template may say, and how every number in it stays bound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from types import CodeType
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from citygauge.problems import InputError, Language, Problem, Where
from citygauge.report.book.document import (
    Block,
    Bound,
    Box,
    Bullets,
    Card,
    Cards,
    Cell,
    Figure,
    Grid,
    Paragraph,
    Spans,
    Text,
    spans_in,
)
from citygauge.report.book.document import Reference as Pointer
from citygauge.report.book.document import Span as AnySpan
from citygauge.report.book.markdown import UnknownMarkdownError, blocks_of, spans_of
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Marks, Name, Number, listed, printed_value
from citygauge.report.book.reading import Reading
from citygauge.report.book.sureness import Sureness
from citygauge.report.book.theme import Said

_SPECIAL = re.compile(r"([\\`*_\[\]#<>])")
_DIGIT = re.compile(r"\d")
Drawer = Callable[..., Any]


class UnboundNumberError(ValueError):
    """A template prints a number that comes from nowhere."""


@dataclass
class Composer:
    """Renders the chapters of one report; `figures` and `grids` are the makers of its charts and tables."""

    material: Material
    figures: Mapping[str, Drawer]
    grids: Mapping[str, Drawer]
    marks: Marks = field(init=False)
    placed: dict[str, Block] = field(default_factory=dict)
    sayings: dict[str, jinja2.Template] = field(default_factory=dict)
    cases_told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.marks = Marks(self.material.language, as_printed=self.material.illustrative)
        self.environment = _environment().overlay(finalize=self._final)
        self.environment.globals = {**self.environment.globals, **self._vocabulary()}

    def chapter(self, name: str, **more: Any) -> list[Block]:
        """Return the blocks of a chapter: from the theme's template of this name, else from the built-in."""
        own = self.material.theme.templates.get(f"{name}.{self.material.language}")
        source = _template(name, self.material.language) if own is None else own
        file = f"{name}.{self.material.language}.md.jinja"
        try:
            text = self._template(source).render(**more)
            blocks = blocks_of(_tidy(text), self.marks, self.placed)
        except UnboundNumberError as error:
            raise InputError([Problem("theme.unbound-number", Where(file), {"text": str(error)})]) from error
        except (jinja2.TemplateError, UnknownMarkdownError) as error:
            raise InputError([_bad_template(error, file)]) from error
        loose = [text for block in blocks for spans in spans_in(block) for text in _loose(spans)]
        if loose:
            raise InputError([Problem("theme.unbound-number", Where(file), {"text": loose[0]})])
        return blocks

    def _template(self, source: str) -> jinja2.Template:
        """Return a template; the same text is compiled once for all reports."""
        environment = self.environment
        return jinja2.Template.from_code(environment, _compiled(source), environment.globals)

    def _vocabulary(self) -> dict[str, Any]:
        """Return everything that a template may call."""
        material, evidence = self.material, self.material.evidence
        return {
            **Reading(material).vocabulary(),
            "m": material, "theme": material.theme, "language": material.language,
            "lines": evidence.lines, "line": evidence.line, "has": evidence.__contains__,
            "name": material.name, "unit_name": material.unit_name, "grade_name": material.grade_name,
            "fact": self._fact, "said": self._said, "listed": self._listed, "cite": self._cite,
            "figure": self._figure, "table": self._table, "box": self._box, "case_box": self._case_box,
            "cards": self._cards, "card": self._card, "ref": self._ref, "words": material.words,
            "sure": Sureness(material),
        }  # fmt: skip

    def _final(self, value: Any) -> Any:
        """Turn what a template prints into marked text; refuse a number that is bound to nothing."""
        if isinstance(value, Markup | jinja2.Undefined):
            return value
        if isinstance(value, Number | Name):
            return Markup(self.marks.bound(value))
        if isinstance(value, str) and not _DIGIT.search(value):
            return Markup(_SPECIAL.sub(r"\\\1", value))
        raise UnboundNumberError(str(value))

    def _marked(self, value: Any) -> str:
        return str(self._final(value))

    def _fact(self, name: str) -> Name:
        fact = self.material.fact(name)
        return Name(fact.text(self.material.language), f"fact|{name}")

    def _said(self, text: Said) -> Markup:
        """Return a text of the theme with its facts."""
        source = text[self.material.language]
        if source not in self.sayings:
            self.sayings[source] = self._template(source)
        return Markup(self.sayings[source].render().strip())

    def _listed(self, values: Sequence[Any], most: int | None = None) -> Markup:
        """Return names as a list in words."""
        chosen = values if most is None else values[:most]
        return listed([self._marked(value) for value in chosen], self.material.language)

    def _cite(self, source: str) -> Markup:
        """Return the citation of a declared fact's source."""
        return self._said(self.material.theme.sources[source].citation)

    def _ref(self, kind: str, **which: Any) -> Markup:
        return Markup(self.marks.mark(Pointer(_key(kind, which), "")))

    def _figure(self, kind: str, *, caller: Callable[[], str], **which: Any) -> Markup:
        key = _key(kind, which)
        drawn = self.figures[kind](self.material, **which)
        caption = spans_of(caller().strip(), self.marks)
        alt = drawn.alt_after("".join(span.text for span in caption))
        source = spans_of(self._source(drawn.sources, drawn.note), self.marks)
        rows = drawn.told_rows(self.material.decimals if self.material.illustrative else None)
        self.placed[key] = Figure(key, "", "", caption, drawn.specification, alt, source, rows)
        return self._block(key)

    def _table(self, kind: str, *, caller: Callable[[], str], **which: Any) -> Markup:
        key = _key(kind, which)
        made = self.grids[kind](self.material, **which)
        rows = tuple(tuple(cell and self._kept(cell) for cell in row) for row in made.rows)
        caption = spans_of(caller().strip(), self.marks)
        source = spans_of(self._source(made.sources, ""), self.marks)
        note = spans_of(self._marked(made.note), self.marks) if made.note else ()
        self.placed[key] = Grid(key, "", "", caption, made.columns, rows, source, note)
        return self._block(key)

    def _kept(self, cell: Cell) -> Cell:
        """Return a cell with no more digits behind its print than may be told."""
        if not self.material.illustrative:
            return cell
        return replace(cell, spans=tuple(_as_printed(span) for span in cell.spans))

    def _source(self, sources: Sequence[str], note: str) -> str:
        """Return the source line of a figure or a table: its numbered sources, and what was done to them."""
        stop = ("。" if self.material.language == "zh" else ". ") if note else ""
        return self._marked(_source_line(self, sources)) + stop + note

    def _box(self, title: Any, *, caller: Callable[[], str]) -> Markup:
        key = f"box {len(self.placed)}"
        inner = blocks_of(_tidy(caller()), self.marks, {})
        kept = tuple(block for block in inner if isinstance(block, Paragraph | Bullets))
        self.placed[key] = Box(spans_of(self._marked(title), self.marks), kept)
        return self._block(key)

    def _case_box(self, name: str) -> Markup:
        """Return a case of the theme as a box, its source below it; where it was told before, a mention."""
        case, language = self.material.case(name), self.material.language
        if name in self.cases_told:
            seen = ("前文案例：{}。" if language == "zh" else "Case told above: {}.").format(
                self._said(case.title)
            )
            return Markup(f"\n\n*{seen}*\n\n")
        self.cases_told.add(name)
        lead = "案例：" if language == "zh" else "Case: "
        cited = "来源：" if language == "zh" else "Source: "
        title = Markup(lead + self._said(case.title))
        text = Markup(f"{self._said(case.text)}\n\n*{cited}{self._cite(case.source)}*\n")
        return self._box(title, caller=lambda: str(text))

    def _card(self, label: str, figure: Any, note: Any = "") -> Card:
        """Return one key figure."""
        spans = spans_of(self._marked(figure), self.marks)
        below = spans_of(self._marked(note), self.marks) if note else ()
        return Card(label, spans, below)

    def _cards(self, cards: Sequence[Card]) -> Markup:
        key = f"cards {len(self.placed)}"
        self.placed[key] = Cards(tuple(cards))
        return self._block(key)

    def _block(self, key: str) -> Markup:
        return Markup(f"\n\n{self.marks.mark(key)}\n\n")


def _as_printed(span: AnySpan) -> AnySpan:
    if isinstance(span, Bound) and isinstance(span.value, float):
        return replace(span, value=printed_value(span.text))
    return span


def _loose(spans: Spans) -> Iterator[str]:
    """Yield the report's own words in which a digit stands."""
    yield from (span.text for span in spans if isinstance(span, Text) and _DIGIT.search(span.text))


def _bad_template(error: Exception, file: str) -> Problem:
    """Return what is wrong with a template, with its line where that is known."""
    line = getattr(error, "lineno", None)
    return Problem("theme.bad-template", Where(file, row=line), {"reason": str(error)})


def _source_line(composer: Composer, sources: Sequence[str]) -> Markup:
    """Return what a figure rests on: sources of the data by number, or those of declared facts."""
    material, zh = composer.material, composer.material.language == "zh"
    parts = []
    for key in sources:
        if key in material.source_numbers:
            number = Bound(f"[{material.source_numbers[key]}]", f"source|{key}", key)
            title = Name(material.short_title(key), f"name|{key}")
            parts.append(composer.marks.mark(number) + " " + composer.marks.bound(title))
        elif key in material.theme.sources:
            parts.append(str(composer._cite(key)))
    words = composer.material.words
    told = ("；" if zh else "; ").join(parts)
    how = words.fixed("computed" if set(sources) & set(material.source_numbers) else "declared")
    return Markup(told + (("；" if zh else "; ") if told else "") + how)


def _key(kind: str, which: Mapping[str, Any]) -> str:
    return "-".join([kind, *(str(value).replace(" ", "") for value in which.values() if value)])


def _tidy(text: str) -> str:
    """Return a rendered template with single blank lines and no indentation left by its loops."""
    lines = [line.strip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


@cache
def _environment() -> jinja2.Environment:
    return SandboxedEnvironment(
        optimized=False,  # a constant that is folded in would never meet `finalize`
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value,  # each report's own takes its place
    )


@cache
def _compiled(source: str) -> CodeType:
    return _environment().compile(source)


@cache
def _template(name: str, language: Language) -> str:
    folder = resources.files("citygauge").joinpath("report", "narrative", language)
    return folder.joinpath(f"{name}.md.jinja").read_text(encoding="utf-8")
