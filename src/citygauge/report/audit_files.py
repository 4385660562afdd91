"""The files of an audit: its findings as data, and the report in both languages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from citygauge.audit.findings import Audit
from citygauge.report.audit_document import audit_document
from citygauge.report.book.files import Format, Job, Printed, write_reports
from citygauge.report.files import LANGUAGES

FORMATS: tuple[Format, ...] = ("pdf", "docx", "html")
FINDINGS = "audit.json"


def write_audit(audit: Audit, folder: Path, formats: Sequence[Format] = FORMATS) -> Printed:
    """Write the report of an audit as ``audit.LANGUAGE.FORMAT`` and its findings as ``audit.json``.

    Raises
    ------
    InputError
        ``out.foreign-folder`` where the folder holds files of others; ``report.edited-since`` where people
        have changed a Word file in it.
    """
    jobs = [Job(audit_document(audit, language), formats, "audit") for language in LANGUAGES]
    printed = write_reports(jobs, folder)
    text = json.dumps(audit.as_dict(), ensure_ascii=False, indent=2)
    (folder / FINDINGS).write_text(text + "\n", encoding="utf-8", newline="\n")
    return Printed((*printed.paths, folder / FINDINGS), printed.not_made, printed.problems)
