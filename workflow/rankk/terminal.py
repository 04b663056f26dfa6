"""Output for terminals: colours where they are supported, lines that fit."""

import os
import shutil
import sys
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from typing import TextIO

AFFECTS_RESULTS = False

CODES = {"bold": 1, "red": 31, "green": 32}


def coloured(text: str, colour: str) -> str:
    """The text in a colour (`CODES`) on a terminal that has colours; NO_COLOR turns them off (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m"


def within(text: str, used: int, room: int | None = None) -> str:
    """The text on one line behind `used` columns, `cut` at the terminal's width, elsewhere at `room` columns."""
    return cut(" ".join(text.split()), used, room)


def cut(text: str, used: int = 0, room: int | None = None, stream: TextIO | None = None) -> str:
    """A line as long as there is room behind `used` columns: the terminal's, elsewhere `room` columns if given.

    `stream`: where it is printed; default: standard output.
    """
    if (stream or sys.stdout).isatty():
        room = shutil.get_terminal_size().columns
    widths = list(accumulate(map(_columns, text), initial=used))
    if room is None or widths[-1] <= max(room, used + 10):
        return text
    return text[: bisect_right(widths, max(room, used + 10) - 1) - 1] + "…"


def _columns(character: str) -> int:
    """Columns that a character takes: two for Chinese, Japanese and Korean ones, none for marks on others."""
    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
