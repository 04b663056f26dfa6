"""Texts as a preset's authors prepare them, before anything is cut by tokens."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rankk.errors import RankkError
from rankk.reranking.presets import Preset

WINDOW = 20
"""Passages in the window that `passage_words` is stated for; rank_llm gives the same total to any window."""
NUMBER = re.compile(r"\[(\d+)\]")
CACHED_TEXTS = 50_000
"""Number of cached repaired texts; a passage occurs in several windows."""


def prepare(preset: Preset, query: str, passages: Sequence[str]) -> tuple[str, list[str]]:
    """Query and passages, repaired and cut by words or characters as the preset says.

    rank_llm writes identifiers such as [7] in round brackets. It repairs a passage by ftfy with HTML entities
    (`&amp;`), and then the whole prompt, in which tags keep ftfy from reading entities: a query is repaired without
    them. RankkError where ftfy is needed and not installed.
    """
    if preset.repair:
        query, passages = _repaired(query, False), [_repaired(passage.strip(), True) for passage in passages]
    if preset.passage_words:
        words = int(preset.passage_words * WINDOW / len(passages))
        passages = [" ".join(passage.split()[:words]) for passage in passages]
    if preset.one_line:
        passages = [" ".join(passage.split()) for passage in passages]
    return query, [passage[: preset.passage_characters] for passage in passages]


@lru_cache(CACHED_TEXTS)
def _repaired(text: str, entities: bool) -> str:
    try:
        from ftfy import fix_text
    except ImportError:
        raise RankkError("this preset repairs texts with ftfy, which is not installed: pip install ftfy") from None
    repaired: str = fix_text(text) if entities else fix_text(text, unescape_html=False)
    return NUMBER.sub(r"(\1)", repaired)
