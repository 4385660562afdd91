"""A city's way up as words, a page, a chart and files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

import jinja2

from citygauge.analyse.improve.plan import Move, Plan
from citygauge.analyse.improve.propose import Plans
from citygauge.collect.observations import SCORE_UNIT
from citygauge.files import write_csv
from citygauge.problems import Language
from citygauge.report.charts.base import FONTS, Chart, svg
from citygauge.report.charts.improve import draw_way
from citygauge.report.files import LANGUAGES, RUN, Written, put_in_place
from citygauge.report.marks import figure, short
from citygauge.report.record import run_record
from citygauge.result import NOTICE

FOLDER = "improve"  # inside the results
_NAMED = 5  # indicators that a sentence names
_COLUMNS = ("indicators", "effort", "planned", "rank", "rerun", "rerun_rank", "arrives_column")


@cache
def texts(language: Language) -> Mapping[str, str]:
    """Return the words about a way up in a language."""
    place = resources.files("citygauge").joinpath("report", "improve.toml")
    found: Mapping[str, str] = tomllib.loads(place.read_text(encoding="utf-8"))[language]
    return found


def folder_name(plans: Plans) -> str:
    """Return the name of the folder of a city: its code, or its neutral name without blanks."""
    return "".join(char for char in plans.unit if char.isalnum() or char in "._-") or "city"


def city_name(plans: Plans, language: Language) -> str:
    """Return the name under which the city is shown."""
    return plans.result.labels(language)[plans.row]


def goal_name(plans: Plans, language: Language) -> str:
    """Return the name of the goal."""
    name = plans.goal.name_zh if language == "zh" else plans.goal.name_en
    return f"“{name}”" if plans.goal.rank is None else name


def sentences(plans: Plans, language: Language) -> tuple[str, ...]:
    """Return in three sentences what is lacking, what the least effort is, and whether it holds."""
    words, digits = texts(language), plans.result.decimals
    common = {
        "city": city_name(plans, language), "goal": goal_name(plans, language),
        "index": figure(plans.now.index, digits), "rank": plans.now.rank,
    }  # fmt: skip
    if plans.is_there:
        return (words["sentences_there"].format(**common),)
    value, short_of = plans.goal.value, plans.goal.value - plans.now.index
    need = words["sentence_need"].format(
        **common, value=figure(value, digits), short=figure(short_of, digits)
    )
    best = _best(plans)
    named = [_name(move, language) for move in best.moves[:_NAMED]]
    listed = words["joined"].join(named)
    if len(best.moves) > _NAMED:
        listed = words["and_more"].format(names=listed)
    proof = words["proved"] if best.gap == 0 else words["unproved"].format(gap=f"{best.gap:.2%}")
    least = words["sentence_best"].format(
        n=len(best.moves), names=listed, effort=short(best.effort, 1), proof=proof
    )
    return need, least, _checked(plans, best, language)


def _checked(plans: Plans, plan: Plan, language: Language) -> str:
    """Return the sentence about the run with the plan carried out."""
    words, digits, again = texts(language), plans.result.decimals, plans.checked(plan)
    if again is None:
        shown = {"index": figure(plan.planned.index, digits), "rank": plan.planned.rank}
        return words["sentence_unchecked"].format(**shown)
    shares = [
        words[f"share_{what}"].format(share=f"{share.value:.0%}")
        for (number, what), share in plans.shares.items()
        if number == plan.number
    ]
    verdict = words["arrives" if plans.arrives(plan) else "fails"]
    text = words["sentence_check"].format(
        index=figure(again.index, digits),
        rank=again.rank,
        verdict=verdict,
        shares=words["semicolon"].join(shares),
    )
    empty = words["semicolon"] + ("。" if language == "zh" else ".")
    return text.replace(empty.strip(), empty.strip()[-1]) if not shares else text


def _best(plans: Plans) -> Plan:
    return next((plan for plan in plans.plans if plan.kind == "best"), plans.plans[0])


def _name(move: Move, language: Language) -> str:
    node = move.lever.scale.result.framework[move.lever.code]
    return node.label(language)


def plan_rows(plans: Plans, language: Language) -> list[dict[str, str]]:
    """Return the plans as they are printed, one row each."""
    words, digits, rows = texts(language), plans.result.decimals, []
    for plan in plans.plans:
        again, arrives = plans.checked(plan), plans.arrives(plan)
        shares = {
            what: f"{share.value:.0%}"
            for (number, what), share in plans.shares.items()
            if number == plan.number
        }
        rows.append(
            {
                "plan": str(plan.number),
                "kind": words[f"kind_{plan.kind}"],
                "indicators": str(len(plan.moves)),
                "effort": short(plan.effort, 1),
                "planned": figure(plan.planned.index, digits),
                "rank": str(plan.planned.rank),
                "rerun": "–" if again is None else figure(again.index, digits),
                "rerun_rank": "–" if again is None else str(again.rank),
                "arrives_column": "–" if arrives is None else words["yes" if arrives else "no"],
                **dict.fromkeys(columns(plans)[len(_COLUMNS) :], "–"),
                **shares,
            }
        )
    return rows


def columns(plans: Plans) -> tuple[str, ...]:
    """Return the names of the columns of `plan_rows` behind the plan and its kind."""
    return (*_COLUMNS, *dict.fromkeys(what for _, what in plans.shares))


def step_rows(plans: Plans, plan: Plan, language: Language) -> list[dict[str, str]]:
    """Return the improvements of a plan as they are printed."""
    words, framework = texts(language), plans.result.framework
    imputed = dict(plans.steps.filter(plan=plan.number).select("code", "imputed").iter_rows())
    rows = []
    for move in plan.moves:
        node = framework[move.lever.code]
        digits = 3 if move.lever.scale.point < 0.1 else 1
        unit = move.lever.scale.unit
        unit = (
            words["handed_over"]
            if unit == SCORE_UNIT
            else framework.unit_names.get(unit, {}).get(language, unit)
        )
        rows.append(
            {
                "name": _name(move, language) + (words["estimated"] if imputed[node.code] else ""),
                "score": _way(figure(move.score_from, digits), figure(move.score_to, digits), words),
                "raw": _way(_raw(move.raw_from), _raw(move.raw_to), words),
                "unit": unit,
                "effort": short(move.effort, 1),
                "gain": figure(move.share, plans.result.decimals + 1),
            }
        )
    return rows


def _way(before: str, after: str, words: Mapping[str, str]) -> str:
    return words["to"].format(before=before, after=after)


def _raw(value: float) -> str:
    """Write a recorded value with about four digits."""
    size = abs(value)
    if isnan(value):
        return "–"
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4
    return f"{value:,.{digits}f}".replace("-", "−")


def chart(plans: Plans, language: Language) -> Chart:
    """Return the chart of the plan of least effort; of nothing where the city is there already."""
    words, digits = texts(language), plans.result.decimals
    at, rows = plans.now.index, []
    best = _best(plans) if plans.plans else None
    for move in best.moves if best else ():
        end, name = at + move.share, _name(move, language)
        told = words["chart_row"].format(
            name=name, gain=figure(move.share, digits + 1), end=figure(end, digits)
        )
        rows.append({"label": name, "start": at, "end": end, "described": told})
        at = end
    ends = (words["now"], plans.now.index), (words["then"], best.planned.index if best else plans.now.index)
    first, last = (
        {"label": label, "value": value, "described": f"{label} {figure(value, digits)}"}
        for label, value in ends
    )
    goal = plans.goal.value, words["goal_line"].format(value=figure(plans.goal.value, digits))
    return draw_way(
        rows, (first, last), language, title=words["axis"], goal=goal, decimals=digits,
        illustrative=plans.result.illustrative,
    )  # fmt: skip


def improve_content(plans: Plans, language: Language) -> dict[str, Any]:
    """Return what the page of a way up shows, as plain data; figures are text as they are printed."""
    words, result = texts(language), plans.result
    digits = result.decimals
    best = _best(plans) if plans.plans else None
    alt = words["chart_alt"].format(
        start=figure(plans.now.index, digits),
        end=figure(best.planned.index if best else plans.now.index, digits),
        goal=figure(plans.goal.value, digits),
    )
    tables = [
        {
            "title": words["steps"].format(n=plan.number, kind=words[f"kind_{plan.kind}"]),
            "rows": step_rows(plans, plan, language),
        }
        for plan in plans.plans
    ]
    names = {"city": city_name(plans, language), "goal": goal_name(plans, language)}
    sure = "" if plans.sure is None else words["sure_text"].format(sure=f"{plans.sure:.0%}")
    return {
        "language": language,
        "t": words,
        "heading": words["heading"].format(**names),
        "subtitle": result.workspace.settings.name(language),
        "illustrative": result.illustrative,
        "notice": NOTICE[language],
        "sentences": sentences(plans, language),
        "plans": plan_rows(plans, language),
        "columns": columns(plans),
        "steps": tables,
        "chart_alt": alt,
        "sure_text": sure,
        "warnings": [problem.text(language) for problem in plans.warnings],
        "colophon": f"CityGauge {version('citygauge')}",
    }


def improve_record(plans: Plans) -> dict[str, Any]:
    """Return what pins a way up: the run, and what was asked for."""
    goal, levers = plans.goal, plans.frozen.levers
    costs = {lever.code: [lever.best, lever.rate, lever.steps, lever.efforts] for lever in levers}
    return {
        **run_record(plans.result),
        "unit": plans.unit,
        "goal": {"rank": goal.rank} if goal.rank is not None else {"grade": goal.grade},
        "target": goal.value,
        "aimed": plans.aimed,
        "sure": plans.sure,
        "costs": sha256(json.dumps(costs, sort_keys=True).encode()).hexdigest(),
        "plans": len(plans.plans),
        "scipy": version("scipy"),
        "improve_warnings": [problem.as_dict() for problem in plans.warnings],
    }


def write_improve(plans: Plans, folder: Path) -> Written:
    """Write the plans of a city: tables, a page and a chart in each language, and what pins them.

    Parameters
    ----------
    plans : Plans
    folder : Path

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """

    def fill(draft: Path) -> list[str]:
        names = []
        tables = {
            "plans": plans.table,
            "steps": plans.steps,
            "check": plans.check,
            "sensitivity": plans.sensitivity,
        }
        for name, frame in tables.items():
            write_csv(frame, draft / f"{name}.csv")
            names.append(f"{name}.csv")
        for language in LANGUAGES:
            drawn = chart(plans, language)
            specification = json.dumps(drawn.to_dict(), ensure_ascii=False, indent=1)
            picture = svg(drawn)
            content = improve_content(plans, language)
            page = _template().render(**content, fonts=FONTS[language], chart=picture)
            for name, text in (
                (f"plan.{language}.html", page),
                (f"way.{language}.svg", picture),
                (f"way.{language}.json", specification + "\n"),
            ):
                (draft / name).write_text(text, encoding="utf-8", newline="\n")
                names.append(name)
        return names

    return put_in_place(folder, improve_record(plans), fill)


def mark_as_own(folder: Path) -> None:
    """Write into the folder above those of the cities that it is CityGauge's: a run beside it asks."""
    if not (folder / RUN).exists():
        record = {"citygauge": version("citygauge"), "files": []}
        (folder / RUN).write_text(json.dumps(record) + "\n", encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    place = resources.files("citygauge").joinpath("report", "templates", "improve.html.jinja")
    rules = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return rules.from_string(place.read_text(encoding="utf-8"))
