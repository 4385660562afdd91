"""From a result and a theme to a document: which chapters a report has, in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from citygauge.problems import InputError, Language, Problem, Where
from citygauge.report.book.advice import sections
from citygauge.report.book.city import city_evidence
from citygauge.report.book.compose import Composer
from citygauge.report.book.document import Block, Document, Front, Kind, Look
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import FIGURES
from citygauge.report.book.grids import GRIDS
from citygauge.report.book.markdown import numbered
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Evidence
from citygauge.report.book.theme import Said, Theme
from citygauge.report.book.wording import fixed_words
from citygauge.result import Result

CHAPTERS: dict[Kind, tuple[str, ...]] = {
    "full": ("foreword", "background", "framework", "survey", "results", "robust", "advice", "annexes"),
    "executive": ("executive",),
    "grade": ("grade",),
    "city": ("city",),
}


def document_of(
    result: Result,
    theme: Theme,
    language: Language,
    *,
    kind: Kind = "full",
    date: str = "",
    subject: str = "",
    evidence: Evidence | None = None,
) -> Document:
    """Return a report as a document.

    Parameters
    ----------
    result : Result
    theme : Theme
    language : {"zh", "en"}
    kind : {"full", "city", "grade", "executive"}
    date : str
        ISO date that stands on the cover; no clock is read.
    subject : str
        What a city report is about, by its row label, or a grade report, by the id of the class.
    evidence : Evidence, optional
        Of the same result and theme, to share what was computed for another report.

    Returns
    -------
    Document
        The same input gives the same document.

    Raises
    ------
    InputError
        ``report.not-disclosed`` for a city report under a theme that tells grades only;
        ``theme.bad-template``, ``theme.unbound-number``, ``theme.unknown-fact``.
    """
    shared = evidence or evidence_of(result, theme)
    unit, grade = subject if kind == "city" else "", subject if kind == "grade" else ""
    if unit and theme.disclose.units == "grades":
        raise InputError([Problem("report.not-disclosed", Where(), {})])
    if unit:
        shared = city_evidence(shared, result, theme, unit)
    material = Material(result, theme, shared, language, date, unit, grade)
    composer = Composer(material, FIGURES, GRIDS)
    blocks: list[Block] = []
    for name in CHAPTERS[kind]:
        if name == "robust" and "robust_units" not in shared:
            continue
        blocks += composer.chapter(name, **_context(material, name))
    words = fixed_words(language)
    return Document(
        language=language,
        kind=kind,
        front=_front(composer, kind),
        blocks=numbered(blocks, language),
        look=_look(theme),
        notice=words["notice"] if result.illustrative else "",
        words=words,
        left_out=shared.reasons,
        meta={
            "kind": kind, "language": language, "date": date, **material.record,
            "subject": subject, "unit": material.labels[unit] if unit else "",
            "illustrative": result.illustrative,
        },
    )  # fmt: skip


def _context(material: Material, chapter: str) -> dict[str, Any]:
    """Return what one chapter needs beyond the common vocabulary."""
    return {"advice": sections(material)} if chapter in ("advice", "executive", "grade") else {}


def _front(composer: Composer, kind: Kind) -> Front:
    """Return the cover and the imprint."""
    material, words = composer.material, fixed_words(composer.material.language)
    cover, language = material.theme.cover, material.language
    subject = ""
    if material.unit:
        subject = material.labels[material.unit]
    elif material.grade:
        subject = material.grade_name(material.grade).text
    count = material.evidence.line("counts", key="units").n.text
    lines = [
        (words["objects"], words["unit_objects"].format(n=count, things=material.theme.objects[language])),
        (words["framework"], material.framework_title.text),
        *([(words["period"], material.period.text)] if material.period else []),
        *([(words["date"], material.date)] if material.date else []),
    ]
    imprint = [(line.name[language], material.told(line.text)) for line in cover.imprint]
    imprint.append((words["record"], material.colophon.text))
    subtitle = words[kind] + (f"{'：' if language == 'zh' else ': '}{subject}" if subject else "")
    if kind == "full" and cover.subtitle:
        subtitle = material.told(cover.subtitle)
    return Front(
        title=material.title.text,
        subtitle=subtitle,
        organisation=_text(material, cover.organisation),
        date=material.date,
        cover=tuple(lines),
        imprint=tuple(imprint),
        rights=_text(material, cover.rights),
    )


def _text(material: Material, text: Said | None) -> str:
    return material.told(text) if text else ""


def _look(theme: Theme) -> Look:
    look = Look(theme.look.primary, theme.look.accent, theme.look.fonts)
    kind = theme.look.logo.rsplit(".", 1)[-1].lower() if theme.logo else ""
    return replace(look, logo=theme.logo, logo_type=kind)
