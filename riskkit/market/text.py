"""The rows of a text file of prices: encoding, delimiter, header, and no row of another width.

Which delimiter a file uses is decided by what its header says, not by counting characters:
in ``2021-07-01;3,1641`` a counter finds one semicolon and one comma in every row. A file that
two delimiters explain is asked about.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from riskkit.errors import DataError
from riskkit.market.names import known_name

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
SAMPLE = 200
PREAMBLE = 5
CUT_SHORT = "the last line has no line end: check that the file is whole"
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?")
_STAMP = re.compile(r"[\d.,:/+\- TZ]*(?:[eE]\+?\d+)?(?: ?(?:UTC|GMT|[AaPp][Mm]))?")


@dataclass(frozen=True)
class TextRows:
    """Rows of a text file that have a header's width.

    Attributes
    ----------
    names : tuple of str, or None
        As the header writes them; None if the file has none.
    delimiter : str
    body : str
        The rows, one a line, without header, comments and blank lines.
    numbers : sequence of int
        Line number of each row of the body, as an editor counts them.
    dropped : tuple of (str, str)
        Rows of another width, each with its reason.
    notes : tuple of str
        What was noticed, for the user.
    """

    names: tuple[str, ...] | None
    delimiter: str
    body: str
    numbers: Sequence[int]
    dropped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    names: tuple[str, ...] | None
    width: int
    skipped: int  # content lines above the first row
    known: bool  # the header names a time and a price


def decode(content: bytes, what: str, suffix: str) -> str:
    """Text of a file in UTF-8 or UTF-16, with line feeds only and no byte order mark.

    Raises
    ------
    DataError
    """
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in content[:200]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            "prices",
            what,
            f"must be readable as {suffix}: text in UTF-8 or UTF-16 ({error.reason} at byte "
            f"{error.start:,})",
            "Check the format, or export the prices again as CSV",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_rows(
    text: str,
    what: str,
    *,
    delimiter: str | None = None,
    wanted: tuple[str | None, str | None] = (None, None),
    drop: bool = False,
) -> TextRows:
    """Split a text into rows of one width.

    Parameters
    ----------
    text : str
        As `decode` gives it.
    what : str
        The file, for messages.
    delimiter : str, optional
        One character, or ``"tab"``, ``"comma"``, ``"semicolon"``, ``"pipe"``; found by default.
    wanted : (str or None, str or None)
        Names of the time and the price column, where the user gives them.
    drop : bool
        Leave rows of another width out, named, instead of raising.

    Raises
    ------
    DataError
        If the file is empty, two delimiters explain it, or a row has another width.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(
            "prices", what, "must hold a header and rows of prices", "The file is empty"
        )
    found, layout = _choose(lines, what, _character(delimiter), wanted)
    rows = lines[layout.skipped :]
    if '"' in text:
        rows, widths = _quoted(rows, found, what)
    else:
        widths = [line.count(found) + 1 for _, line in rows]
    odd = [i for i, width in enumerate(widths) if width != layout.width]
    dropped: tuple[tuple[str, str], ...] = ()
    if odd:
        if not drop:
            raise _ragged(rows, widths, odd, layout, found)
        dropped = tuple(
            (_label(rows[i]), f"{widths[i]} fields where {layout.width} were due") for i in odd
        )
        away = set(odd)
        rows = [row for i, row in enumerate(rows) if i not in away]
    notes = []
    if layout.names is None:
        notes.append("no header line: columns are told by what they hold")
    if not text.endswith("\n"):
        notes.append(CUT_SHORT)
    return TextRows(
        layout.names,
        found,
        "\n".join(line for _, line in rows),
        [number for number, _ in rows],
        dropped,
        tuple(notes),
    )


def _character(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    by_word = {word: sign for sign, word in DELIMITERS.items()} | {"\\t": "\t", "space": " "}
    sign = by_word.get(delimiter.strip().lower() or delimiter, delimiter)
    if len(sign) != 1 or sign.isalnum() or sign in '".\n':
        raise DataError(
            "delimiter",
            delimiter,
            "must be one character that separates columns",
            "Give ',' ';' '|' or tab",
        )
    return sign


def _choose(
    lines: Sequence[tuple[int, str]],
    what: str,
    given: str | None,
    wanted: tuple[str | None, str | None],
) -> tuple[str, _Layout]:
    """The delimiter that explains the file, and what it makes of its first lines."""
    sample = [line for _, line in lines[:SAMPLE]]
    if given is not None:
        layout = _layout(sample, given, wanted)
        if layout is None:
            raise DataError(
                "delimiter",
                DELIMITERS.get(given, given),
                f"must separate at least two columns in {what}",
                "Leave --delimiter out, or give the sign between the columns",
            )
        return given, layout
    found = {d: x for d in DELIMITERS if (x := _layout(sample, d, wanted)) is not None}
    named = {d: x for d, x in found.items() if x.known}
    bare = {d: x for d, x in found.items() if x.names is None}
    best = named or bare or found
    if not best:
        # One column only: the message about its name is the one that helps.
        return ",", _Layout((sample[0].strip(),), 1, 1, known=False)
    if len(best) > 1 and best is found:  # no name helps: the most columns tell most, from the top
        most = max(found, key=lambda d: (found[d].width, -found[d].skipped))
        return most, found[most]
    if len(best) > 1:
        raise DataError(
            "delimiter",
            " or ".join(DELIMITERS[d] for d in best),
            f"one sign must separate the columns of {what}",
            "Say which with --delimiter (delimiter in a study)",
        )
    return next(iter(best.items()))


def _layout(
    sample: Sequence[str], sign: str, wanted: tuple[str | None, str | None]
) -> _Layout | None:
    """What a delimiter makes of the first lines; None if it separates nothing."""
    cells = [_split(line, sign) for line in sample]
    top = 0  # a link or title above the header has one field
    while top < min(PREAMBLE, len(cells) - 1) and len(cells[top]) == 1:
        top += 1
    first = cells[top]
    if len(first) < 2:
        return None
    if _is_row(first):
        same = all(len(row) == len(first) and _is_row(row) for row in cells[top:])
        return _Layout(None, len(first), top, known=False) if same else None
    names = tuple(first)
    below = top + 1
    for extra in (1, 2):  # a table with several levels of names ends them with "Date,,,"
        row = cells[top + extra] if top + extra < len(cells) else []
        if len(row) == len(first) and not any(row[1:]) and known_name(row[0], "time"):
            names, below = (row[0], *first[1:]), top + extra + 1
    time, price = wanted
    known = all(
        any(known_name(n, role) if want is None else _same(n, want) for n in names)
        for role, want in (("time", time), ("close", price))
    )
    return _Layout(names, len(names), below, known)


def _same(name: str, wanted: str) -> bool:
    return name.strip().lower() == wanted.strip().lower()


def _split(line: str, sign: str) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split(sign)]
    return [
        cell.strip() for cell in next(csv.reader([line], delimiter=sign, skipinitialspace=True))
    ]


def _is_row(cells: Sequence[str]) -> bool:
    """Whether the cells are a row of prices rather than names: a stamp, and numbers after it."""
    first, *others = cells
    return (
        bool(first)
        and first[0].isdigit()
        and _STAMP.fullmatch(first) is not None
        and any(others)
        and all(_NUMBER.fullmatch(cell) for cell in others if cell)
    )


def _quoted(
    rows: Sequence[tuple[int, str]], sign: str, what: str
) -> tuple[list[tuple[int, str]], list[int]]:
    """Rows of a file with quotes, and the width of each; a quoted line break is refused."""
    widths = []
    for number, line in rows:
        reader = csv.reader([line], delimiter=sign, skipinitialspace=True, strict=True)
        try:
            widths.append(len(next(reader)))
        except csv.Error:
            raise DataError(
                "prices",
                f"line {number} of {what}",
                "quotes must be closed in the line that opens them",
                "Correct the line, or check that the file is whole",
                rows=(f"line {number}",),
            ) from None
    return list(rows), widths


def _label(row: tuple[int, str]) -> str:
    number, line = row
    return f"line {number} ({line[:40]})"


def _ragged(
    rows: Sequence[tuple[int, str]],
    widths: Sequence[int],
    odd: Sequence[int],
    layout: _Layout,
    sign: str,
) -> DataError:
    labels = [_label(rows[i]) for i in odd]
    more = f" and {len(odd) - 5:,} more" if len(odd) > 5 else ""
    got = sorted({widths[i] for i in islice(odd, 1000)})
    counted = _counted(got)
    remedy = "Correct the rows, or load with invalid_rows='drop', which drops and names such rows"
    if sign == "," and min(got) > layout.width and len(odd) * 2 > len(rows):
        remedy = (
            "If commas are decimal signs here, export with semicolons between the columns, or with "
            "a decimal point"
        )
    return DataError(
        "prices",
        "; ".join(labels[:5]) + more,
        f"every row must have the {layout.width} fields of the header, separated by "
        f"{DELIMITERS.get(sign, repr(sign))}; here {counted}",
        remedy,
        rows=tuple(labels),
    )


def _counted(widths: Iterable[int]) -> str:
    words = [f"{w} field{'s' * (w != 1)}" for w in widths]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
