"""What a terminal shows: colours where it has them, lines that fit."""

import os
import shutil
import sys

AFFECTS_RESULTS = False

CODES = {"bold": 1, "red": 31, "green": 32}


def coloured(text: str, colour: str) -> str:
    """The text in a colour (`CODES`) on a terminal that has colours; NO_COLOR turns them off (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m"


def within(text: str, used: int, room: int | None = None) -> str:
    """The text on one line behind so many characters: cut at the terminal's width, elsewhere at `room` if given."""
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
    text = " ".join(text.split())
    room = len(text) + used if room is None else max(room, used + 10)
    return text if len(text) + used <= room else text[: room - used - 1] + "…"
