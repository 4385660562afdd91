"""An audit of a published index as a report that a layman can read, a small picture with each finding."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

from citygauge.audit.figures import Figure as Printed
from citygauge.audit.figures import Interval, told
from citygauge.audit.findings import Audit, Certificate, Finding, Repair, Term
from citygauge.problems import Language
from citygauge.report.book.document import (
    Block,
    Bullets,
    Card,
    Cards,
    Cell,
    Column,
    Document,
    Figure,
    Front,
    Grid,
    Heading,
    Paragraph,
    Spans,
    Text,
)
from citygauge.report.book.markdown import numbered
from citygauge.report.book.wording import fixed_words
from citygauge.report.charts.intervals import draw_intervals

LISTED = 80  # figures that the report lists; cells of tables are only counted
# Kinds whose bounds lie on the scale of the figure that is claimed; others speak of differences and squares.
PICTURED = ("parent", "weights", "group", "rest", "grade", "cell", "range")
_ORDER = ("impossible", "only_if", "possible", "not_checkable")


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(resources.files("citygauge").joinpath("report", "audit.toml").read_text("utf-8"))


def audit_document(audit: Audit, language: Language) -> Document:
    """Return the report of an audit in a language; the same audit gives the same document."""
    words = _words()[language]
    published = audit.published
    title = published.title_zh if language == "zh" else published.title_en
    values = {
        "publication": title, "publisher": published.publisher, "year": published.year,
        "source": published.source,
    }  # fmt: skip
    illustrative = published.illustrative
    return Document(
        language=language,
        kind="audit",
        front=Front(
            title=words["title"].format(title=title),
            subtitle=words["subtitle"],
            organisation=words["organisation"],
            cover=tuple((name, values[key]) for name, key in words["lines"] if values[key]),
            imprint=((words["imprint"], words["colophon"].format(version=version("citygauge"))),),
        ),
        blocks=numbered(list(_blocks(audit, language)), language),
        notice=words["notice"] if illustrative else "",
        words=fixed_words(language),
        meta={
            "kind": "audit", "language": language, "date": "", "citygauge": version("citygauge"),
            "illustrative": illustrative, "subject": title, "unit": "",
        },
    )  # fmt: skip


def _blocks(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    yield from _summary(audit, language)
    for verdict in ("impossible", "only_if"):
        chosen = [finding for finding in audit.findings if finding.verdict == verdict]
        if chosen:
            yield _heading(words[verdict])
            yield _paragraph(words[f"{verdict}_lead"])
            for finding in chosen:
                yield from _told(finding, audit, language)
    yield from _repairs(audit, language)
    yield from _figures(audit, language)
    yield from _rest(audit, language)
    yield _heading(words["method"])
    unknown = any(True for _ in audit.published.unknown_rules())
    rounding = words["rounding_unknown" if unknown else "rounding_known"]
    yield from (_paragraph(text.format(rounding=rounding)) for text in words["method_text"])
    yield from _proofs(audit, language)


def _summary(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    counts = {verdict: sum(f.verdict == verdict for f in audit.findings) for verdict in _ORDER}
    yield _heading(words["summary"])
    yield Cards(tuple(Card(words[f"card_{key}"], _spans(str(counts[key]))) for key in _ORDER))
    claims, figures = len(audit.findings), len(audit.published.figures)
    yield _paragraph(words["summary_text"].format(figures=figures, claims=claims, **counts))
    if not audit.impossible:
        yield _paragraph(words["summary_clean"])
        return
    yield Bullets(tuple(_subject(finding, language) for finding in audit.impossible[:5]))
    if audit.repairs:
        lead = Text(words["repair_lead"], strong=True)
        yield Paragraph((lead, Text(_why(audit.repairs[0], language))))


def _subject(finding: Finding, language: Language) -> Spans:
    """Return what is claimed, and what was found, as one entry of a list."""
    colon = "：" if language == "zh" else ": "
    return (Text(f"{_claim(finding, language)}{colon}", strong=True), Text(_text(finding, language)))


def _told(finding: Finding, audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    claim = finding.claim_zh if language == "zh" else finding.claim_en
    yield _heading(claim, level=2, key=_key("finding", finding.id))
    yield _paragraph(_text(finding, language))
    if finding.touch and finding.verdict == "only_if":
        colon = "、" if language == "zh" else ", "
        yield _paragraph(words["touch"].format(rules=colon.join(words[rule] for rule in finding.touch)))
    if finding.certificate and finding.certificate.figures and finding.verdict == "impossible":
        names = [_name(key, audit, language) for key in finding.certificate.figures]
        joined = ("；" if language == "zh" else "; ").join(names)
        yield _paragraph(words["together"].format(names=joined))
    rows = _bars(finding, audit, language) if finding.kind in PICTURED else []
    if len(rows) > 1:
        chart = draw_intervals(rows, language, illustrative=audit.published.illustrative)
        alt = "; ".join(f"{row['label']} {row['text']}" for row in rows)
        source, key = _spans(words["source"]), _key("picture", finding.id)
        caption = _spans(words["picture"])
        yield Figure(key, "", "", caption, chart.to_dict(), alt, source, tuple(rows))


def _bars(finding: Finding, audit: Audit, language: Language) -> list[dict[str, Any]]:
    """Return the intervals of a finding as rows of its picture, what is claimed first."""
    words, figures = _words()[language], audit.published.figures
    rows = []
    if finding.bounds and finding.figures and (figure := figures.get(finding.figures[0])):
        named = words["printed"].format(name=_named(figure, language))
        rows.append(_bar(named, figure.interval(), is_claimed=True))
    own = {row["text"] for row in rows}
    rows += [
        _bar(bound.what_zh if language == "zh" else bound.what_en, bound.interval)
        for bound in finding.bounds
        if bound.of == "score" and str(bound.interval) not in own
    ]
    return [row for row in rows if row["low"] is not None or row["high"] is not None]


def _bar(label: str, interval: Interval, *, is_claimed: bool = False) -> dict[str, Any]:
    return {
        "label": label,
        "low": None if interval.low is None else float(interval.low),
        "high": None if interval.high is None else float(interval.high),
        "low_open": interval.low_open, "high_open": interval.high_open,
        "text": str(interval), "is_claimed": is_claimed,
    }  # fmt: skip


def _repairs(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    yield _heading(words["repairs"])
    if not audit.repairs:
        yield _paragraph(words["repairs_unfound" if audit.impossible else "repairs_none"])
        return
    whole = any(repair.repairs_all for repair in audit.repairs)
    yield _paragraph(words["repairs_lead" if whole else "repairs_partial"])
    rows = [
        (
            str(place), "\n".join(_name(key, audit, language) for key in repair.figures),
            " / ".join(map(str, repair.values)), _why(repair, language),
        )
        for place, repair in enumerate(audit.repairs, 1)
    ]  # fmt: skip
    heads = [("col_rank", 0.4), ("col_figure", 1.6), ("col_value", 0.8), ("col_why", 3.2)]
    yield _grid("repairs", words["repairs_caption"], heads, rows, language)


def _figures(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    shown = [figure for key, figure in audit.published.figures.items() if "/" not in key]
    rest = len(audit.published.figures) - len(shown[:LISTED])
    yield _heading(words["figures"])
    yield _paragraph(words["figures_lead"])
    rows = [
        (_named(figure, language), figure.printed(), str(figure.interval()), figure.where)
        for figure in shown[:LISTED]
    ]
    heads = [("col_figure", 2.4), ("col_printed", 0.8), ("col_interval", 1.2), ("col_where", 1.0)]
    yield _grid("figures", words["figures_caption"], heads, rows, language)
    if rest:
        yield _paragraph(words["figures_more"].format(n=rest))


def _rest(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    holding = [finding for finding in audit.findings if finding.verdict == "possible"]
    if holding:
        yield _heading(words["possible"])
        rows = [(_claim(finding, language), _text(finding, language)) for finding in holding]
        heads = [("col_claim", 1.4), ("col_verdict", 2.6)]
        yield _grid("possible", words["possible_caption"], heads, rows, language)
    if left := [finding for finding in audit.findings if finding.verdict == "not_checkable"]:
        yield _heading(words["not_checkable"])
        yield Bullets(tuple(_subject(finding, language) for finding in left))


def _proofs(audit: Audit, language: Language) -> Iterator[Block]:
    words = _words()[language]
    proved = [(f, f.certificate) for f in audit.impossible if f.certificate and f.certificate.terms]
    if not proved:
        return
    yield Heading(1, _spans(words["proof"]), number="#", annex=True)
    for finding, certificate in proved:
        yield _paragraph(words["proof_lead"].format(result=_result(certificate, words)))
        rows = [_term(term, audit, language) for term in certificate.terms]
        heads = [("col_times", 0.6), ("col_term", 3.0), ("col_from", 1.6)]
        caption = words["proof_caption"].format(claim=_claim(finding, language))
        yield _grid(_key("proof", finding.id), caption, heads, rows, language)


def _result(certificate: Certificate, words: Mapping[str, str]) -> str:
    if not certificate.gap:
        return words["proof_touch"]
    return words["proof_result"].format(gap=told(certificate.gap, 6).replace("-", "−"))


def _term(term: Term, audit: Audit, language: Language) -> tuple[str, str, str]:
    left = " + ".join(
        _quantity(name, audit, language)
        if value == 1
        else f"{told(value)} × {_quantity(name, audit, language)}"
        for name, value in term.coefficients.items()
    )
    sign = "<" if term.strict else "≤"
    joint = "；" if language == "zh" else "; "
    named = joint.join(_name(key, audit, language) for key in term.figures)
    text = f"{left} {sign} {told(term.limit)}".replace("+ -", "− ").replace("-", "−")
    return told(term.multiplier), text, named or _words()[language]["always"]


def _quantity(name: str, audit: Audit, language: Language) -> str:
    """Return what an unknown of a proof is called."""
    code = name.rsplit(":", 1)[-1]
    if name in audit.published.figures:
        return _named(audit.published.figures[name], language)
    if code in audit.published.nodes:
        node = audit.published.nodes[code]
        return node.name_zh if language == "zh" else node.name_en
    return code


def _grid(
    key: str,
    caption: str,
    heads: Sequence[tuple[str, float]],
    rows: Sequence[Sequence[str]],
    language: Language,
) -> Grid:
    words = _words()[language]
    columns = tuple(Column(words[head], "left", width) for head, width in heads)
    cells = tuple(tuple(Cell(_spans(text)) for text in row) for row in rows)
    return Grid(key, "", "", _spans(caption), columns, cells, _spans(words["source"]))


def _name(key: str, audit: Audit, language: Language) -> str:
    figure = audit.published.figures.get(key)
    return key if figure is None else f"{_named(figure, language)} {figure.printed()}"


def _named(figure: Printed, language: Language) -> str:
    return (figure.name_zh if language == "zh" else figure.name_en) or figure.id


def _claim(finding: Finding, language: Language) -> str:
    return finding.claim_zh if language == "zh" else finding.claim_en


def _text(finding: Finding, language: Language) -> str:
    return finding.text_zh if language == "zh" else finding.text_en


def _why(repair: Repair, language: Language) -> str:
    return repair.text_zh if language == "zh" else repair.text_en


def _heading(text: str, *, level: int = 1, key: str = "") -> Heading:
    return Heading(level, _spans(text), number="#", key=key)


def _paragraph(text: str) -> Paragraph:
    return Paragraph(_spans(text))


def _spans(text: str) -> Spans:
    return (Text(text),)


def _key(kind: str, name: str) -> str:
    return f"{kind}-" + "".join(char if char.isalnum() else "-" for char in name)
