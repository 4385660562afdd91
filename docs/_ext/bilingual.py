"""What Sphinx lacks for a site in English and Chinese.

Docstrings stay English and out of the catalogues; blocks of code and output are translated in Markdown pages
too; Chinese is indexed by single characters and pairs of them, so that the search needs no dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes, search
from sphinx.application import Sphinx
from sphinx.locale import get_translator
from sphinx.locale import init as init_locale
from sphinx.search import SearchLanguage
from sphinx.transforms import SphinxTransform
from sphinx.util.i18n import docname_to_domain

RUNS = re.compile(r"[\u3400-\u9fff]+|[A-Za-z0-9_]+")


class KeepDocstrings(SphinxTransform):
    """Keep what autodoc brought in out of the catalogues, whose messages are then only those of the pages."""

    default_priority = 9  # before Sphinx collects messages (10)

    def apply(self, **kwargs: Any) -> None:
        """Mark every text below a documented object."""
        for described in self.document.findall(addnodes.desc):
            for node in described.findall(nodes.TextElement):
                if not isinstance(node, nodes.Inline):  # Sphinx would dissolve those
                    node["translatable"] = False


class TranslateBlocks(SphinxTransform):
    """Put the Chinese block in place of the English one.

    Sphinx does this through the mark-up of reStructuredText, which a Markdown parser does not read.
    """

    default_priority = 15  # after blocks have been marked as translatable (10), before the other texts (20)

    def apply(self, **kwargs: Any) -> None:
        """Replace each block that the catalogue knows."""
        domain = docname_to_domain(self.env.current_document.docname, self.config.gettext_compact)
        folders = [self.env.srcdir / folder for folder in self.config.locale_dirs]
        if not init_locale(folders, self.config.language, domain)[1]:
            return
        catalogue = get_translator(domain)
        for block in self.document.findall(nodes.literal_block):
            text = block.rawsource or block.astext()
            if block.get("translatable") and (translated := catalogue.gettext(text)) != text:
                block.rawsource = translated
                block[:] = [nodes.Text(translated)]


class SearchChinese(SearchLanguage):
    """Chinese by single characters and pairs, everything else by words."""

    lang = "zh"
    language_name = "Chinese"
    # A question is cut into pairs that do not overlap: its words may stand apart on the page.
    js_splitter_code = r"""
function splitQuery(query) {
  return (query.match(/[\u3400-\u9fff]+|[A-Za-z0-9_]+/g) || []).flatMap((run) => {
    if (run.length <= 2 || run < "\u3400") return [run];
    const pairs = [];
    for (let at = 0; at < run.length; at += 2) {
      const from = Math.min(at, run.length - 2);
      pairs.push(run.slice(from, from + 2));
    }
    return pairs;
  });
}
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - the name that Sphinx calls it by
        """Return the terms under which a text is found."""
        return list(self._terms(input))

    def word_filter(self, word: str) -> bool:
        """Keep every term; a single character may be asked for."""
        return bool(word)

    def _terms(self, text: str) -> Iterator[str]:
        for run in RUNS.findall(text):
            if run < "\u3400":
                yield run
            else:
                yield from run
                yield from (run[at : at + 2] for at in range(len(run) - 1))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_transform(KeepDocstrings)
    app.add_transform(TranslateBlocks)
    search.languages["zh"] = SearchChinese
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
