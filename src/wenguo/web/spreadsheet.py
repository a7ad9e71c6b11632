"""Tables as files a spreadsheet opens: CSV for Excel in Chinese, and a plain .xlsx. No cell is ever a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

Cell = str | int
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 32_767  # characters of one cell


def csv_file(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8 with a byte order mark, so that Excel reads the characters; what would be a formula begins with '."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in (head, *rows):
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA) else cell


def xlsx_file(
    title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], about_title: str, about: Sequence[tuple[str, str]]
) -> bytes:
    """A workbook of two sheets: the table with its head frozen, and what it is about. Words are inline strings, which
    no program takes for formulas.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", _CONTENT_TYPES)
        book.writestr("_rels/.rels", _RELS)
        book.writestr("xl/workbook.xml", _workbook(title, about_title))
        book.writestr("xl/_rels/workbook.xml.rels", _BOOK_RELS)
        book.writestr("xl/styles.xml", _STYLES)
        book.writestr("xl/worksheets/sheet1.xml", _sheet([head, *rows], frozen=True))
        book.writestr("xl/worksheets/sheet2.xml", _sheet([list(pair) for pair in about], frozen=False))
    return out.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]], *, frozen: bool) -> str:
    pane = (
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft"'
        ' state="frozen"/></sheetView></sheetViews>'
        if frozen
        else ""
    )
    widths = "".join(
        f'<col min="{i}" max="{i}" width="{_width(column)}" customWidth="1"/>'
        for i, column in enumerate(zip(*rows, strict=True), 1)
    )
    lines = (
        f'<row r="{n}">{"".join(_cell(n, i, cell, bold=frozen and n == 1) for i, cell in enumerate(row))}</row>'
        for n, row in enumerate(rows, 1)
    )
    body = f"{pane}<cols>{widths}</cols><sheetData>{''.join(lines)}</sheetData>"
    return f'{_XML}<worksheet xmlns="{_MAIN}">{body}</worksheet>'


def _width(column: Sequence[Cell]) -> int:
    """Characters, a Chinese one as two; of the first rows, between 8 and 60."""
    longest = max(sum(2 if ord(c) > 0x2E80 else 1 for c in str(cell)) for cell in column[:200])
    return max(8, min(60, longest + 2))


def _cell(n: int, i: int, cell: Cell, *, bold: bool) -> str:
    style = ' s="1"' if bold else ""
    if isinstance(cell, int):
        return f'<c r="{_letters(i)}{n}"{style}><v>{cell}</v></c>'
    words = escape(_NOT_XML.sub("", cell[:_LONGEST]))
    return f'<c r="{_letters(i)}{n}" t="inlineStr"{style}><is><t xml:space="preserve">{words}</t></is></c>'


def _letters(i: int) -> str:
    """0 -> A, 26 -> AA."""
    return (_letters(i // 26 - 1) if i >= 26 else "") + chr(65 + i % 26)


def _workbook(*titles: str) -> str:
    sheets = "".join(
        f'<sheet name="{escape(t[:31], {chr(34): "&quot;"})}" sheetId="{i}" r:id="rId{i}"/>'
        for i, t in enumerate(titles, 1)
    )
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships"><sheets>{sheets}</sheets></workbook>'


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/></Types>'
)
_RELS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
    f' Type="{_OFFICE}/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_BOOK_RELS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/relationships/worksheet" Target="worksheets/sheet2.xml"/>'
    f'<Relationship Id="rId3" Type="{_OFFICE}/relationships/styles" Target="styles.xml"/></Relationships>'
)
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>'
)
