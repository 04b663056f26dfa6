"""Fonts for names in any script: characters that the style's font lacks are drawn in an installed font."""

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("rankk")

SUFFIXES = {".ttf", ".otf", ".ttc"}
REGULAR = (400, "normal", "regular")
"""Weights, as Matplotlib names them."""
LEFT_TO_RIGHT = "\u200e"
"""Unicode's invisible mark. Matplotlib lays a line out in the direction of its first letter."""


@contextmanager
def drawable(names: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The names that can be drawn; within the block Matplotlib draws them in fonts that have their characters.

    A name with a character that no installed font has is left out, with a warning: its id is drawn, instead of boxes.
    """
    import matplotlib as mpl

    families, missing = _fonts({character for name in names.values() for character in name if not character.isspace()})
    for key, name in names.items():
        if lacking := "".join(sorted(missing & set(name))):
            log.warning(
                "figures: no installed font has %s of the title %r, so %r is drawn; install one, such as Noto Sans",
                *(lacking, name, key),
            )
    with mpl.rc_context({"font.family": [*mpl.rcParams["font.family"], *families]}):
        yield {key: _marked(name) for key, name in names.items() if not missing & set(name)}


def _marked(name: str) -> str:
    """The name; one that begins in a right-to-left script after a mark, to keep the order of a title."""
    directions = (unicodedata.bidirectional(character) for character in name)
    first = next((direction for direction in directions if direction in ("L", "R", "AL")), "L")
    return name if first == "L" else LEFT_TO_RIGHT + name


def _fonts(characters: Iterable[str]) -> tuple[list[str], set[str]]:
    """Families that have the characters which the default font lacks, and the characters that none has."""
    from matplotlib.font_manager import findfont, fontManager, get_font

    default = get_font(findfont(None)).get_charmap()
    families, missing = [], {character for character in characters if ord(character) not in default}
    upright = [font for font in fontManager.ttflist if font.style == "normal" and font.weight in REGULAR]
    regular = [font for font in upright if Path(font.fname).suffix in SUFFIXES and "Last Resort" not in font.name]
    # TrueType first: PDF viewers differ over other outlines in fonts that Matplotlib embeds.
    order = sorted(regular, key=lambda font: (not font.fname.endswith(".ttf"), "Sans" not in font.name, font.name))
    for entry in order if missing else ():
        there = get_font(entry.fname).get_charmap()
        if found := {character for character in missing if ord(character) in there}:
            families.append(entry.name)
            missing -= found
    return families, missing
