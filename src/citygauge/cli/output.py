"""What the commands print: problems, JSON, and the exit codes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from citygauge.cli.words import language, say
from citygauge.problems import InputError, Problem, Where
from citygauge.text import visible

# The last: done, except a part that this machine cannot make.
OK, FAILED, BAD_INPUT, NOT_ALL_MADE = 0, 1, 2, 3
SHOWN_PER_CODE = 10

# Codes such as P:x:1 are no emoji.
stdout = Console(highlight=False, soft_wrap=True, emoji=False)
stderr = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(data: Any) -> None:
    """Print plain data as JSON, readable and with characters as they are."""
    stdout.print(json.dumps(data, ensure_ascii=False, indent=2), markup=False)


def print_problems(problems: Iterable[Problem], *, all_errors: bool = False) -> None:
    """Print errors, then warnings; of many alike the first ten and a count, of errors all where asked for."""
    problems = list(problems)
    kinds = (("error", say("error", "错误"), "red"), ("warning", say("warning", "提醒"), "yellow"))
    for severity, word, colour in kinds:
        most = inf if all_errors and severity == "error" else SHOWN_PER_CODE
        shown: Counter[str] = Counter()
        chosen = [problem for problem in problems if problem.severity == severity]
        for problem in chosen:
            shown[problem.code] += 1
            if shown[problem.code] <= most:
                text = escape(visible(problem.text(language())))
                stderr.print(f"[{colour}]{word}[/] {text} [dim]\\[{problem.code}][/]")
        for code, count in shown.items():
            if count > most:
                rest = count - SHOWN_PER_CODE
                stderr.print(
                    say(f"… and {rest} more [dim]\\[{code}][/]", f"…… 另有{rest}项 [dim]\\[{code}][/]")
                )
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        warnings = len(problems) - errors
        counts = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        stderr.print(say(counts, f"{errors}个错误，{warnings}个提醒"))


def report(
    problems: Iterable[Problem], *, as_json: bool, quiet: bool = False, more: Mapping[str, Any] | None = None
) -> None:
    """Print the outcome of a command that ended well: problems noted on the way, and what it has to say."""
    problems = list(problems)
    if as_json:
        print_json({"ok": True, **(more or {}), "problems": [problem.as_dict() for problem in problems]})
    elif not quiet:
        print_problems(problems)


def now() -> str:
    """Return the time at which facts are received, in UTC to the second."""
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def input_errors(*, as_json: bool, on_error: Callable[[InputError], None] | None = None) -> Iterator[None]:
    """Turn `InputError` into its problems on the screen and exit code 2; `on_error` runs first."""
    try:
        try:
            yield
        except OSError as error:  # no permission, no room, a link that leads nowhere
            values = {"reason": error.strerror or str(error)}
            raise InputError([Problem("file.no-access", Where(str(error.filename or "")), values)]) from error
    except InputError as error:
        problems = list(error.problems)
        try:
            if on_error is not None:
                on_error(error)
        except InputError as second:
            problems += [problem for problem in second.problems if problem not in problems]
        except OSError:  # the place of the results cannot be written; the problems are on the screen
            pass
        if as_json:
            print_json({"ok": False, "problems": [problem.as_dict() for problem in problems]})
        else:
            print_problems(problems)
        raise typer.Exit(BAD_INPUT) from None
