"""How the documentation is built: one source in English, the Chinese site from docs/locale.

`-D language=zh_CN` builds the Chinese site. Nothing is fetched from a network, to build it or to read it.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.config import Config

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

WORDS = {
    "en": {"title": "CityGauge", "authors": "The CityGauge authors", "search": "Search the documentation"},
    "zh_CN": {"title": "城评 CityGauge", "authors": "城评作者", "search": "搜索文档"},
}

project = "CityGauge"
author = WORDS["en"]["authors"]
copyright = author  # noqa: A001
version = release = installed_version("citygauge")
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "bilingual",
    "mathml",
]
exclude_patterns = ["_build", "_ext", "_static", "_templates", "locale"]
nitpicky = True
smartquotes = False  # messages are quoted as they are printed

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

# Signatures carry names and defaults; the types stand in the docstrings, in words.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False
gettext_uuid = False
gettext_additional_targets = ["literal-block", "image"]

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars: dict[str, list[str]] = {name: [] for name in ("index", "tutorial", "search", "genindex")}
html_theme_options = {
    "navbar_end": ["language-switch.html", "theme-switcher.html"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "show_prev_next": True,
}


def setup(app: Sphinx) -> None:
    """Give each site the words of its language, and let blocks be called csv."""
    app.connect("config-inited", _words)
    app.add_lexer("csv", TextLexer)


def _words(_app: Sphinx, config: Config) -> None:
    words = WORDS[config.language]
    settings: Any = config
    settings.copyright = words["authors"]
    settings.html_title = f"{words['title']} {config.version}"
    settings.html_short_title = words["title"]
    own = {"logo": {"text": words["title"]}, "search_bar_text": words["search"]}
    settings.html_theme_options = {**config.html_theme_options, **own}
