"""Bring the documentation up to date: `python tools/docs.py`; `--check` only compares.

1. Write the generated pages of docs/reference: problems.md from the catalogue of problems, cli.md from the
   command line itself.
2. Collect every message of the English pages and bring the Chinese catalogues in docs/locale up to date. What
   the generated pages take from code is translated here; of the rest, what is new or has changed is counted:
   translate it in the .po file, and take the line `#, fuzzy` out.

With `--check` nothing is written, and the exit code is 1 where a page or a catalogue is stale. Needs the
package and the development requirements.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from citygauge.cli import output
from citygauge.cli.main import app
from citygauge.problems import catalogue

DOCS = Path(__file__).resolve().parent.parent / "docs"
MESSAGES = Path("zh_CN/LC_MESSAGES")
MADE = "<!-- Made by tools/docs.py; change the source, not this page. -->"
OWN_WORDS = "sphinx"  # words of Sphinx and of the theme that neither translates
HEADER = """\
msgid ""
msgstr ""
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
# Code, numbers and signs are the same in every language.
SAME = re.compile(r"(`[^`]*`|\[`?[\w.]+`?\]\([^)]*\)|\$[^$]*\$|[\d\s.,;:…%+−–—-])+")

PROBLEMS_INTRO = """\
Every problem that CityGauge reports has a code that stays the same across versions. The code stands in
brackets after each message of the command line, and under `code` with `--json`. An **error** stops the
command, which then exits with 2 and writes no scores; a **warning** is reported and the run goes on. All
problems of an input are reported together.

Words in braces stand for what is named in the case at hand: a code, a file, the offending rows.
"""
SEVERITIES = {"error": ("Error", "错误"), "warning": ("Warning", "提醒")}

CLI_INTRO = """\
Run it as `citygauge …` where the package is installed, or as `.venv/bin/python -m citygauge …` in a checkout
(`.venv\\Scripts\\python -m citygauge …` on Windows).

The language is that of `--lang`, else of the variable `CITYGAUGE_LANG`, else of the locale (`LC_ALL`,
`LC_MESSAGES`, `LANG`): Chinese where it begins with `zh`, otherwise English. `--lang` stands before the
command.

Results go to standard output, problems to standard error, of many alike the first ten and a count. With
`--json` everything is one JSON document on standard output; where a command reports problems, they stand
under `problems`, beside `ok`.
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
    (
        "NOT_ALL_MADE",
        "done, except for files that this machine cannot make; a warning names them and says what to install",
        "完成，但有的文件在本机无法生成；提醒会列出这些文件和需要安装的内容",
    ),
)
# Help that comes from Typer, in English only.
TYPER = {
    "Install completion for the current shell.": "为当前命令行环境安装自动补全。",
    "Show completion for the current shell, to copy it or customize the installation.": (
        "显示当前命令行环境的自动补全脚本，供复制或自行安装。"
    ),
}


class Page:
    """A page in English that knows the Chinese of each of its messages."""

    def __init__(self) -> None:
        self.lines = [MADE]
        self.chinese: dict[str, str] = {}

    def heading(self, depth: int, en: str, zh: str) -> None:
        """Add a heading."""
        self.lines += ["", "#" * depth + " " + self._known(en, zh)]

    def paragraph(self, en: str, zh: str) -> None:
        """Add a paragraph."""
        self.lines += ["", self._known(en, zh)]

    def block(self, text: str) -> None:
        """Add a block that reads the same in both languages."""
        self._known(text + "\n", text + "\n")
        self.lines += ["", "```text", text, "```"]

    def table(self, rows: Iterable[Sequence[tuple[str, str]]]) -> None:
        """Add a table, the first row of which is its head."""
        for place, row in enumerate(rows):
            cells = [self._known(en, zh).replace("|", "\\|") for en, zh in row]
            self.lines += [""] * (not place) + ["| " + " | ".join(cells) + " |"]
            self.lines += ["|" + "---|" * len(cells)] * (not place)

    def text(self) -> str:
        """Return the page."""
        return "\n".join(self.lines) + "\n"

    def _known(self, en: str, zh: str) -> str:
        if self.chinese.setdefault(en, zh) != zh:
            sys.exit(f"make one of two Chinese texts for {en!r}: {self.chinese[en]!r}, {zh!r}")
        return en


def main() -> None:
    """Bring everything up to date, or with ``--check`` compare it with what it should be."""
    if "--commands" in sys.argv:  # this script in one language, called by `commands_in`
        print(json.dumps(commands(), ensure_ascii=True))
        return
    pages = {"reference/problems": problems_page(), "reference/cli": cli_page()}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "docs"
        shutil.copytree(DOCS, made, ignore=shutil.ignore_patterns("_build", "*.mo"))
        for name, page in pages.items():
            (made / f"{name}.md").write_text(page.text(), encoding="utf-8", newline="\n")
        update_catalogues(made, {name: page.chinese for name, page in pages.items()})
        stale = differing(made, DOCS)
        if "--check" not in sys.argv:
            for name in stale:
                _copy(made / name, DOCS / name)
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}; run tools/docs.py")
    print("written: " + ", ".join(stale) if stale else "docs is up to date")
    for name, count in untranslated(DOCS / "locale").items():
        print(f"to be translated: {count} in docs/locale/{name}")


def problems_page() -> Page:
    """Return the page of all problems, a section for each room and each code."""
    page = Page()
    page.heading(1, "Problems", "问题代码")
    page.lines += ["", PROBLEMS_INTRO.rstrip()]
    room = ""
    for code, entry in sorted(catalogue().items()):
        if code.partition(".")[0] != room:
            room = code.partition(".")[0]
            page.heading(2, room, room)
        page.heading(3, code, code)
        en, zh = SEVERITIES[entry["severity"]]
        page.paragraph(f"**{en}:** {shown(entry['en'])}", f"**{zh}**：{shown(entry['zh'])}")
        page.paragraph(shown(entry["hint_en"]), shown(entry["hint_zh"]))
    return page


def shown(text: str) -> str:
    """Return a text of the catalogue as Markdown that reads as the text itself."""
    parts = re.split(r"(`[^`]*`)", text.replace("{{", "{").replace("}}", "}"))
    parts[::2] = [re.sub(r"([*<$])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def cli_page() -> Page:
    """Return the reference of the command line."""
    page = Page()
    page.heading(1, "Command line", "命令行")
    page.lines += ["", CLI_INTRO.rstrip()]
    head = (("exit code", "退出码"), ("meaning", "含义"))
    codes = [(str(int(getattr(output, name))), en, zh) for name, en, zh in EXITS]
    page.table([head, *(((code, code), (en, zh)) for code, en, zh in codes)])
    head = (("argument or option", "参数或选项"), ("meaning", "含义"))
    for english, chinese in zip(commands_in("en"), commands_in("zh"), strict=True):
        page.heading(2, english["name"], english["name"])
        page.paragraph(_first(english), _first(chinese))
        if not english["group"]:
            page.block(usage(english))
        pairs = zip(english["parameters"], chinese["parameters"], strict=True)
        rows = [
            ((f"`{written(en)}`", f"`{written(zh)}`"), (en["help"], TYPER.get(en["help"], zh["help"])))
            for en, zh in pairs
        ]
        if rows:
            page.table([head, *rows])
    return page


def _first(command: Mapping[str, Any]) -> str:
    """Return what a command does, without the paragraphs that follow."""
    text: str = command["help"].split("\n\n")[0]
    return " ".join(text.split())


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


def update_catalogues(docs: Path, known: Mapping[str, Mapping[str, str]]) -> None:
    """Collect the messages of the pages, bring the catalogues up to date, and fill in what is known."""
    templates = docs.parent / "templates"
    build = ["sphinx", "-q", "-b", "gettext", "-W", "--keep-going", docs, templates]
    update = ["sphinx_intl", "update", "-p", templates, "-d", docs / "locale", "-l", "zh_CN"]
    for command in (build, [*update, "--no-obsolete", "--jobs", "1"]):
        whole = [sys.executable, "-m", *(str(word) for word in command)]
        subprocess.run(whole, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONUTF8": "1"})
    folder = docs / "locale" / MESSAGES
    for path in sorted(folder.rglob("*.po")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name == OWN_WORDS:
            continue
        if not (templates / f"{name}.pot").is_file():
            path.unlink()
            continue
        messages = load(path)
        fill(messages, known.get(name, {}))
        save(messages, path)


def fill(messages: Catalog, chinese: Mapping[str, str]) -> None:
    """Set the translations that are known, and those of messages that hold no words."""
    for message in messages:
        text = str(message.id)
        known = chinese.get(text, text if SAME.fullmatch(text) else None)
        if text and known is not None:
            message.string = known
            message.flags.discard("fuzzy")


def load(path: Path) -> Catalog:
    """Return the messages of a file."""
    with path.open("rb") as stream:
        return read_po(stream, locale="zh_CN")


def save(messages: Catalog, path: Path) -> None:
    """Write the messages with nothing that changes from run to run or from machine to machine."""
    for message in messages:
        message.flags &= {"fuzzy"}  # the guesses at formats are wrong: "60 % of" is none
    with path.open("wb") as stream:
        stream.write(HEADER.encode())
        write_po(stream, messages, omit_header=True, no_location=True, ignore_obsolete=True, width=110)


def untranslated(folder: Path) -> dict[str, int]:
    """Return how many messages of each file are left, empty or marked fuzzy."""
    counts = {
        path.relative_to(folder).as_posix(): sum(
            1 for message in load(path) if message.id and (message.fuzzy or not message.string)
        )
        for path in sorted(folder.rglob("*.po"))
    }
    return {name: count for name, count in counts.items() if count}


def differing(made: Path, there: Path) -> list[str]:
    """Return the pages and catalogues that are not as they were made, by path below docs."""
    found = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in {".md", ".po"}}
        for folder in (made, there)
    ]
    names = {name for name in found[0] | found[1] if not name.startswith("_build/")}
    return sorted(name for name in names if _bytes(made / name) != _bytes(there / name))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _copy(made: Path, there: Path) -> None:
    """Put a file in its place, or take one away that is no longer made."""
    if made.is_file():
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, there)
    else:
        there.unlink()


if __name__ == "__main__":
    main()
