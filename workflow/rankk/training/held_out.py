"""Evaluation queries and passages that no training window may hold, exactly or nearly."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

GRAM = 13
"""Words of an n-gram (Brown et al. 2020, appendix C, use the same length)."""
NEAR = 0.5
"""Share of a passage's n-grams in one held-out passage from which on it is a near duplicate."""
TOKENS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+", re.UNICODE)  # Han and kana one by one


def words(text: str) -> list[str]:
    """A text's words without case and punctuation."""
    return TOKENS.findall(text.casefold())


def held_out_queries(queries: Mapping[str, str], others: Iterable[str]) -> set[str]:
    """Ids of the queries that say the same as one of the others: the same words, in any order."""
    taken = {tuple(sorted(set(words(text)))) for text in others}
    return {qid for qid, text in queries.items() if tuple(sorted(set(words(text)))) in taken}


def held_out_passages(passages: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """Ids of the passages that are (nearly) one of the others, with "exact" or "near".

    Memory grows with `passages`, the others stream by. A passage shorter than an n-gram is compared as a whole.
    """
    owners: dict[int, list[str]] = {}
    sizes: dict[str, int] = {}
    whole: dict[int, list[str]] = {}
    for docid, text in passages.items():
        tokens = words(text)
        whole.setdefault(hash(tuple(tokens)), []).append(docid)
        grams = set(_grams(tokens))
        sizes[docid] = len(grams)
        for gram in grams:
            owners.setdefault(gram, []).append(docid)
    reasons: dict[str, str] = {}
    for text in others:
        tokens = words(text)
        reasons |= dict.fromkeys(whole.get(hash(tuple(tokens)), ()), "exact")
        shared = Counter(docid for gram in set(_grams(tokens)) for docid in owners.get(gram, ()))
        for docid, count in shared.items():
            if count >= NEAR * sizes[docid]:
                reasons.setdefault(docid, "near")
    return reasons


def _grams(tokens: list[str]) -> Iterator[int]:
    for start in range(len(tokens) - GRAM + 1):
        yield hash(tuple(tokens[start : start + GRAM]))
