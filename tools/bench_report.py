"""How long reports take, beside what the renderer alone takes for the charts of one report."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import citygauge as cg
from citygauge.problems import Problems
from citygauge.report.book.build import document_of
from citygauge.report.book.theme import read_theme
from citygauge.report.charts.base import svg_of

DEMO = Path(__file__).parents[1] / "demo" / "city-statistics-2023"


def compare() -> None:
    """Print the time of a full report in three formats, and of a PDF for each of fifty cities."""
    print(f"\nreports, {os.cpu_count()} cores, a process each, start-up included")
    drawn = _renderer_alone()
    for name, options in (
        ("full report, pdf + docx + html", ["--lang", "zh", "--format", "pdf,docx,html"]),
        ("full report in both languages", ["--format", "pdf,docx,html"]),
        ("50 city reports as pdf", ["--kind", "city", "--lang", "zh", "--format", "pdf"]),
    ):
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "citygauge",
                "report",
                str(DEMO),
                *options,
                "--out",
                f"{folder}/out",
            ]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            took = time.perf_counter() - start
        print(f"  {name:34} {took:6.1f} s   {took / drawn:5.1f} x the drawing of one report's charts")


def _renderer_alone() -> float:
    """Return the time that the renderer takes to draw the charts of one full report, once it is warm."""
    theme = read_theme("city-statistics-2023", Problems())
    assert theme is not None
    document = document_of(cg.assess(cg.open(DEMO)), theme, "zh")
    svg_of(document.figures[0].chart)
    start = time.perf_counter()
    for figure in document.figures:
        svg_of(figure.chart)
    took = time.perf_counter() - start
    print(f"  {'renderer alone, charts of one report':34} {took:6.1f} s")
    return took


if __name__ == "__main__":
    compare()
