"""Rankings whose first passages stand before them in words: [3] outranks [1] > [2]."""

import re
from dataclasses import replace

from rankk.reranking.parsers.items import Chain
from rankk.reranking.parsers.plain import LETTER

WORDS = re.compile(r"[\w \t'’-]{1,60}")
"""Words without punctuation say that what stands before them outranks what follows, but for some (OTHERWISE)."""
BEST = re.compile(
    r"\b(?:best|beats?|better|first(?:ly)?|most|next|others?|rest|remaining|then|top|wins?|winner|leads?|stands out"
    r"|ahead|followed|outranks?|precedes?|surpasses|outperforms?|exceeds?)\b",
    re.IGNORECASE,
)
"""Behind punctuation, or before what stands first, these words say it."""
OTHERWISE = re.compile(
    r"^\W*(?:passages?|documents?|docs?|texts?|candidates?|results?|of)\b"
    r"|\b(?:although|bad|because|behind|below|beneath|but|fewer|if|irrelevant|isn|last|least|less|loses|lost|lower|lowest"
    r"|moins|nicht|no[nrt]?|off|pire|poor|schlechter|since|so|though|under|unlike|unrelated|weak\w*|weniger|when|where\w*"
    r"|while|worse|worst|менее|не|хуже|بدتر|کمتر)\b|不|低于|劣于|次于|差",
    re.IGNORECASE,
)


def with_firsts(chains: list[Chain], n: int) -> list[Chain]:
    """Chains, where each with `>` begins with what words put before it."""
    joined: list[Chain] = []
    for chain in chains:
        if joined and _outranked(joined[-1], chain, n):
            joined[-1] = [*joined[-1], replace(chain[0], before=" > "), *chain[1:]]
        else:
            joined.append(chain)
    return joined


def _outranked(before: Chain, chain: Chain, n: int) -> bool:
    """Whether the words between two chains put the first before the second, a ranking of other passages."""
    values = {item.value for item in before}
    alike = before[-1].named == chain[0].named and (before[-1].named or before[0].begins)
    compared = len(chain) > 1 and ">" in chain[1].before and not any(">" in item.before for item in before[1:])
    if not (alike and compared and values <= set(range(1, n + 1)) and values.isdisjoint(item.value for item in chain)):
        return False
    words, introduction = chain[0].before, before[0].before[-30:]
    if len(words) > 60 or OTHERWISE.search(words) or OTHERWISE.search(introduction):
        return False
    return (
        LETTER.search(words) is None
        or WORDS.fullmatch(words) is not None
        or BEST.search(words) is not None
        or BEST.search(introduction) is not None
    )
