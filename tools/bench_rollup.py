"""Roll-ups beside plain pandas: answers about pages → services → countries, timed in the same run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl

import citygauge as cg
from citygauge.collect.subjects import Subjects, subjects_of
from citygauge.files import frame_sheet
from citygauge.indicators.rollup import roll_up
from citygauge.problems import Problems

QUESTIONS = tuple(f"C{number}" for number in range(1, 8))
EVENTS, LEVELS = ("Family", "Career", "Moving"), ("Central", "Regional", "Local")


def world(units: int, services: int, pages: int) -> tuple[Subjects, pl.DataFrame]:
    """Return random yes/no answers to seven questions about pages of services, a tenth of them missing."""
    random = np.random.default_rng(1)
    things, answers = [], []
    for unit in range(units):
        for service in range(services):
            shared = {
                "unit": f"u{unit}",
                "life_event": EVENTS[service % len(EVENTS)],
                "government_level": LEVELS[random.integers(3)],
                "type": "Transactional",
                "proactive": "No",
            }
            name = f"u{unit}:{service}"
            things.append({"subject": name, "kind": "service", "parent": None, **shared})
            for page in range(pages):
                things.append({"subject": f"{name}:{page}", "kind": "page", "parent": name, **shared})
                answers.append(f"{name}:{page}")
    subjects = subjects_of(frame_sheet(pl.DataFrame(things), "subjects"), Problems())
    assert subjects is not None
    values = random.integers(0, 2, (len(answers), len(QUESTIONS))).astype(float)
    values[random.random(values.shape) < 0.1] = np.nan
    wide = (
        pl.DataFrame(values, schema=list(QUESTIONS)).fill_nan(None).with_columns(subject=pl.Series(answers))
    )
    facts = wide.unpivot(QUESTIONS, index="subject", variable_name="indicator", value_name="value")
    state = pl.when(pl.col("value").is_null()).then(pl.lit("missing")).otherwise(pl.lit("value"))
    return subjects, facts.with_columns(state=state)


def by_pandas(subjects: pd.DataFrame, facts: pd.DataFrame) -> pd.Series:
    """Do the same as an analyst does: pivot, group, and the best or the mean answer for each service."""
    wide = facts.pivot(index="subject", columns="indicator", values="value")
    pages = subjects[subjects["kind"] == "page"].set_index("subject").join(wide)

    def service(group: pd.DataFrame) -> pd.Series:
        answers = group[list(QUESTIONS)]
        if group["government_level"].iloc[0] == "Central":
            return answers.max()
        return answers.fillna(0.0).mean().where(answers.notna().any())

    found = pages.groupby("parent").apply(service, include_groups=False)
    score = found.mean(axis=1) * 100
    services = subjects[subjects["kind"] == "service"].set_index("subject").assign(score=score)
    return services.groupby(["unit", "life_event"])["score"].mean()


def compare(timed: Callable[[Callable[[], object], int], float]) -> None:
    """Print the time of the rules beside that of pandas, after making sure that both agree."""
    framework = cg.builtin("egov-benchmark-2023")
    subjects, facts = world(35, 90, 3)
    told, things = (pd.DataFrame(frame.to_dict(as_series=False)) for frame in (facts, subjects.frame))

    def rules() -> pl.DataFrame:
        made = roll_up(facts, subjects, framework, "life_event", Problems()).of_units
        return made.filter(pl.col("code") == "TR.SD").sort("unit", "stratum")

    theirs = by_pandas(things, told).sort_index()
    ours = rules().drop_nulls("value")
    keys = list(zip(ours["unit"], ours["stratum"], strict=True))
    gap = np.abs(ours["value"].to_numpy() - theirs.loc[keys].to_numpy()).max()
    own, loop = timed(rules, 5), timed(lambda: by_pandas(things, told), 3)
    size = f"roll-up of {facts.height:,} answers"
    print(f"{size:34} {own * 1e3:9.1f} ms {loop * 1e3:11.1f} ms {loop / own:8.1f} x   largest gap {gap:.0e}")
