"""Finds training queries and passages that are (nearly) those of an evaluation collection."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

GRAM = 13
"""Length of an n-gram in words (the same as in Brown et al. 2020, appendix C)."""
NEAR = 0.5
"""A passage is a near duplicate if at least this share of its n-grams is in one held-out passage."""
TOKENS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+", re.UNICODE)  # each Han or kana character is a word


def words(text: str) -> list[str]:
    """The words of a text, case-folded and without punctuation; every Han or kana character is one word."""
    return TOKENS.findall(text.casefold())


def held_out_queries(queries: Mapping[str, str], others: Iterable[str]) -> set[str]:
    """Ids of the queries that have the same set of words as one of `others`, in any order."""
    taken = {tuple(sorted(set(words(text)))) for text in others}
    return {qid for qid, text in queries.items() if tuple(sorted(set(words(text)))) in taken}


def held_out_passages(passages: Mapping[str, str], others: Iterable[str]) -> dict[str, str]:
    """Passages that are equal or similar to one of `others`: "exact" or "near" by passage id.

    `others` is streamed; memory grows with `passages` only. A passage with fewer than `GRAM` words can only be "exact".
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
