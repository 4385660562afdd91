"""Tables of a Word file: real ones, with a head that repeats, merged cells, and rows that stay whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from citygauge.report.book.document import Align, Box, Bullets, Cards, Cell, Grid, Paragraph, Reference, Spans
from citygauge.report.book.word.styles import RULE, TABLE
from citygauge.report.book.word.xml import attribute, paragraph, run

Words = Callable[[Spans], str]
CARDS_IN_ROW = 4
WHOLE_ROWS = 12  # of a table that stays on one page
_FLUSH = '<w:tblCellMar><w:left w:w="0" w:type="dxa"/><w:right w:w="0" w:type="dxa"/></w:tblCellMar>'
_INDENT = 240  # twips for each step of a cell's indent


def shares(weights: Sequence[float], width: int) -> list[int]:
    """Return widths in twips by weight that add up to the whole.

    >>> shares([2.0, 1.0, 1.0], 1002)
    [501, 251, 250]
    """
    total = sum(weights) or 1.0
    ends = [round(width * sum(weights[: i + 1]) / total) for i in range(len(weights))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def grid_table(grid: Grid, words: Words, ids: Mapping[str, str], width: int, tint: str) -> str:
    """Return a table of the report; `words` writes spans as runs, `tint` is the ground of the head."""
    widths = shares([column.width for column in grid.columns], width)
    head = "".join(
        _cell(
            paragraph(ids["Table Head"], run(column.head), _side(column.align)),
            widths[j],
            f'<w:shd w:val="clear" w:color="auto" w:fill="{tint}"/>',
        )
        for j, column in enumerate(grid.columns)
    )
    rows = [f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{head}</w:tr>"]
    below = [0] * len(grid.columns)
    for i, row in enumerate(grid.rows):
        cells = ""
        keep = i < 1 or i + 1 < len(grid.rows) <= WHOLE_ROWS
        for j, cell in enumerate(row):
            merge = ""
            if cell is not None:
                below[j] = cell.down - 1
                merge = '<w:vMerge w:val="restart"/>' if cell.down > 1 else ""
            elif below[j] > 0:
                below[j] -= 1
                merge = "<w:vMerge/>"
            own = grid.columns[j].align, keep
            text = _in_cell(cell, words, ids["Table Text"], own)
            cells += _cell(text, widths[j], f'{merge}<w:vAlign w:val="center"/>')
        rows.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cells}</w:tr>")
    look = (
        '<w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" '
        f'w:noHBand="1" w:noVBand="1"/><w:tblCaption w:val={attribute(grid.label)}/>'
    )
    return _table("".join(rows), widths, f'<w:tblStyle w:val="{ids[TABLE]}"/>', look)


def box_table(
    box: Box,
    words: Words,
    bullets: Callable[[Bullets, str], str],
    ids: Mapping[str, str],
    look: tuple[int, str],
) -> str:
    """Return a framed text as a table of one cell; `look` is its width in twips and its colour."""
    width, colour = look
    content = paragraph(ids["Box Title"], words(box.title))
    for block in box.blocks:
        if isinstance(block, Paragraph):
            content += paragraph(ids["Box Text"], words(block.spans))
        else:
            content += bullets(block, "Box Text")
    edges = "".join(
        f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="{shade}"/>'
        for side, size, shade in (
            ("top", 4, RULE), ("left", 24, colour), ("bottom", 4, RULE), ("right", 4, RULE)
        )
    )  # fmt: skip
    cell = _cell(content, width, '<w:shd w:val="clear" w:color="auto" w:fill="F7F8FA"/>')
    margins = '<w:tblCellMar><w:left w:w="200" w:type="dxa"/><w:right w:w="200" w:type="dxa"/></w:tblCellMar>'
    return _table(f"<w:tr>{cell}</w:tr>", [width], "", margins, f"<w:tblBorders>{edges}</w:tblBorders>")


def cards_table(cards: Cards, words: Words, ids: Mapping[str, str], width: int) -> str:
    """Return key figures side by side, up to four in a row, without lines."""
    in_row = max(1, min(CARDS_IN_ROW, len(cards.cards)))
    widths = shares([1.0] * in_row, width)
    rows = ""
    for start in range(0, len(cards.cards), in_row):
        cells = ""
        for j in range(in_row):
            card = cards.cards[start + j] if start + j < len(cards.cards) else None
            content = paragraph(ids["Card Note"], "")
            if card is not None:
                content = paragraph(ids["Card Label"], run(card.label))
                content += paragraph(ids["Card Figure"], words(card.figure))
                content += paragraph(ids["Card Note"], words(card.note)) if card.note else ""
            cells += _cell(content, widths[j])
        rows += f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cells}</w:tr>"
    return _table(rows, widths, "", _FLUSH)


def lines_table(lines: Sequence[tuple[str, str]], style: str, width: int) -> str:
    """Return lines of name and text beside each other, without rules."""
    widths = shares([1.0, 3.0], width)
    rows = "".join(
        f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{_cell(paragraph(style, run(name, strong=True)), widths[0])}"
        f"{_cell(paragraph(style, run(text)), widths[1])}</w:tr>"
        for name, text in lines
    )
    return _table(rows, widths, "", _FLUSH)


def _in_cell(cell: Cell | None, words: Words, style: str, own: tuple[Align, bool]) -> str:
    """Return the paragraph of a cell: its side, and whether it keeps to the next row."""
    align, keep = own
    kept = "<w:keepNext/>" if keep else ""
    if cell is None:
        return paragraph(style, "", kept)
    indent = f'<w:ind w:left="{_INDENT * cell.indent}"/>' if cell.indent else ""
    text = words(_strong(cell.spans) if cell.strong else cell.spans)
    return paragraph(style, text, kept + indent + _side(align))


def _strong(spans: Spans) -> Spans:
    return tuple(span if isinstance(span, Reference) else replace(span, strong=True) for span in spans)


def _side(align: Align) -> str:
    return "" if align == "left" else f'<w:jc w:val="{align}"/>'


def _cell(content: str, width: int, properties: str = "") -> str:
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{properties}</w:tcPr>{content}</w:tc>'


def _table(rows: str, widths: Sequence[int], style: str, look: str, borders: str = "") -> str:
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl><w:tblPr>{style}<w:tblW w:w="{sum(widths)}" w:type="dxa"/>{borders}'
        f'<w:tblLayout w:type="fixed"/>{look}</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{rows}</w:tbl>'
    )
