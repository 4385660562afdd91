"""Write the generated pages of docs/reference: `python tools/docs.py`; `--check` only compares.

problems.md comes from the catalogue of problems, cli.md from the command line itself. With `--check` nothing
is written, and the exit code is 1 where a page is stale. Needs the package installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from citygauge.cli import output
from citygauge.cli.main import app
from citygauge.problems import catalogue

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made by tools/docs.py; change the source, not this page. -->\n\n"

PROBLEMS_INTRO = """\
# Problems

Every problem that CityGauge reports has a code that stays the same across versions. The code stands in
brackets after each message of the command line, and under `code` with `--json`. An **error** stops the
command, which then exits with 2 and writes no scores; a **warning** is reported and the run goes on. All
problems of an input are reported together.

Words in braces stand for what is named in the case at hand: a code, a file, the offending rows.

CityGauge报告的每个问题都有固定的代码，各版本不变。命令行把它写在每条信息末尾的方括号里，`--json` 时写在
`code` 下。**error**（错误）使命令停止，退出码为2，不写任何得分；**warning**（提醒）只作报告，运行继续。
同一输入的全部问题一次列出。花括号中的词代表具体情形中的代码、文件或行号。
"""

CLI_INTRO = """\
# Command line

Run it as `citygauge …` where the package is installed, or as `.venv/bin/python -m citygauge …` in a checkout
(`.venv\\Scripts\\python -m citygauge …` on Windows).

The language is that of `--lang`, else of the variable `CITYGAUGE_LANG`, else of the locale (`LC_ALL`,
`LC_MESSAGES`, `LANG`): Chinese where it begins with `zh`, otherwise English. `--lang` stands before the
command.

Results go to standard output, problems to standard error, of many alike the first ten and a count. With
`--json` everything is one JSON document on standard output; where a command reports problems, they stand
under `problems`, beside `ok`.

| exit code | meaning | 含义 |
|---|---|---|
"""

EXITS = (
    ("OK", "done; there may be warnings", "完成；可能有提醒"),
    (
        "FAILED",
        "unexpected failure, a fault of CityGauge: please report it",
        "意外失败：程序自身的错误，请报告",
    ),
    (
        "BAD_INPUT",
        "the input has problems, all of which are listed; or the command was not understood",
        "输入有问题，全部列出；或命令写法有误",
    ),
)


def main() -> None:
    """Write the pages, or with ``--check`` compare them with what they should be."""
    if "--commands" in sys.argv:  # this script in one language, called by `commands_in`
        print(json.dumps(commands(), ensure_ascii=True))
        return
    pages = {"problems.md": problems_page(), "cli.md": cli_page()}
    stale = []
    for name, text in pages.items():
        path = FOLDER / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}; run tools/docs.py")
    print("written: " + ", ".join(stale) if stale else "docs/reference is up to date")


def problems_page() -> str:
    """Return the table of all problems, a section for each room."""
    lines = [MADE + PROBLEMS_INTRO.rstrip("\n")]
    room = ""
    for code, entry in sorted(catalogue().items()):
        if code.partition(".")[0] != room:
            room = code.partition(".")[0]
            lines += [f"\n## {room}\n", "| code | severity | English | 中文 |", "|---|---|---|---|"]
        texts = (f"{entry[language]}<br>{entry[f'hint_{language}']}" for language in ("en", "zh"))
        cells = [cell.replace("{{", "{").replace("}}", "}") for cell in texts]
        lines.append(table_row(f"`{code}`", entry["severity"], *cells))
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the reference of the command line, each command in English and Chinese."""
    lines = [MADE + CLI_INTRO.rstrip("\n")]
    lines += [table_row(str(getattr(output, name)), en, zh) for name, en, zh in EXITS]
    for english, chinese in zip(commands_in("en"), commands_in("zh"), strict=True):
        lines += [f"\n## {english['name']}\n", f"{_first(english)}\n", f"{_first(chinese)}"]
        if not english["group"]:
            lines += ["\n```text", usage(english), "```"]
        if english["parameters"]:
            lines += ["\n| argument or option | English | 中文 |", "|---|---|---|"]
            pairs = zip(english["parameters"], chinese["parameters"], strict=True)
            lines += [table_row(f"`{written(en)}`", en["help"], zh["help"]) for en, zh in pairs]
    return "\n".join(lines) + "\n"


def _first(command: Mapping[str, Any]) -> str:
    """Return what a command does, without the paragraphs that follow."""
    text: str = command["help"].split("\n\n")[0]
    return text


def usage(command: Mapping[str, Any]) -> str:
    """Return a command with its arguments, optional ones in brackets."""
    arguments = [p for p in command["parameters"] if p["argument"]]
    words = [f"{p['name'].upper()}" if p["required"] else f"[{p['name'].upper()}]" for p in arguments]
    needed = [written(p) for p in command["parameters"] if not p["argument"] and p["required"]]
    rest = " [OPTIONS]" if any(not p["argument"] and not p["required"] for p in command["parameters"]) else ""
    return " ".join([command["name"], *words, *needed]) + rest


def written(parameter: Mapping[str, Any]) -> str:
    """Return a parameter as it is written on the command line."""
    if parameter["argument"]:
        return str(parameter["name"]).upper()
    return ", ".join(parameter["options"]) + ("" if parameter["flag"] else " …")


def table_row(*cells: str) -> str:
    """Return a row of a Markdown table; a bar inside a cell stays a bar."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def commands_in(language: str) -> list[dict[str, Any]]:
    """Return all commands with their help in a language, which is settled when the package is imported."""
    environment = {**os.environ, "CITYGAUGE_LANG": language, "PYTHONUTF8": "1"}
    command = [sys.executable, str(Path(__file__).resolve()), "--commands"]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    listed: list[dict[str, Any]] = json.loads(found.stdout)
    return listed


def commands() -> list[dict[str, Any]]:
    """Return every command: name, help, parameters; a group before its commands."""
    return list(_walk(typer.main.get_command(app), ["citygauge"]))


def _walk(command: Any, path: Sequence[str]) -> list[dict[str, Any]]:
    below: Mapping[str, Any] = getattr(command, "commands", {})
    parameters = [
        {
            "name": p.name,
            "argument": p.param_type_name == "argument",
            "options": [*p.opts, *p.secondary_opts],
            "required": p.required,
            "flag": bool(getattr(p, "is_flag", False)),
            "help": " ".join((p.help or "").split()),
        }
        for p in command.params
    ]
    own = {"name": " ".join(path), "help": command.help or "", "parameters": parameters, "group": bool(below)}
    return [own, *(found for name, sub in below.items() for found in _walk(sub, [*path, name]))]


if __name__ == "__main__":
    main()
