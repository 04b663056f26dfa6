"""Fitting prompt and answer into the model's context."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rankk.errors import RankkError
from rankk.llm.tokenizers import CACHED_TEXTS, TokenCounter
from rankk.llm.types import Prompt
from rankk.reranking.cleaning import prepare
from rankk.reranking.presets import Preset
from rankk.reranking.prompts import IDENTIFIER, LETTER, neutralize, render

FLOOR = 16
"""Smallest length to which a passage is cut: a shorter text would not show its topic."""


def fit(
    preset: Preset,
    query: str,
    passages: Sequence[str],
    counter: TokenCounter,
    *,
    context: int | None,
    answer_tokens: int,
    passage_tokens: int,
) -> Prompt:
    """The prompt for a window, with prompt + `answer_tokens` <= `context` (tokens; None: not known, not checked).

    Passages are cut to `passage_tokens`; where that is still too much, to one smaller length for all, so that the
    longest shrink first. The query is never cut. Raises RankkError that says by how many tokens the prompt is too
    long when every passage is down to `FLOOR` tokens.
    """
    special = _special_tokens(preset, counter)
    identifiers = _identifiers(preset)
    query, passages = prepare(preset, query, passages)
    query = neutralize(query, special, identifiers)
    limit = passage_tokens
    texts = [counter.cut(_neutral(text, special, identifiers), limit) for text in passages]
    prompt = render(preset, query, texts)
    context = min(filter(None, (context, preset.context)), default=None)
    if context is None:
        return prompt
    while (excess := counter.excess(prompt, context - answer_tokens)) > 0:
        lengths = [counter.count(text) for text in texts]
        if max(lengths, default=0) <= FLOOR:
            raise RankkError(
                f"the prompt is {excess} tokens too long for a context of {context}: {answer_tokens} tokens are kept "
                f"for the answer, {counter.count(query)} are the query (never cut), and the {len(texts)} passages are "
                f"down to {max(lengths, default=0)} each; use a smaller window, fewer max_tokens or a longer context "
                "(max_model_len)"
            )
        limit = max(FLOOR, min(max(lengths) - 1, even_limit(lengths, sum(lengths) - excess)))
        texts = [counter.cut(text, limit) for text in texts]
        prompt = render(preset, query, texts)
    return prompt


def even_limit(lengths: Sequence[int], total: int) -> int:
    """The largest limit with sum(min(length, limit)) <= `total`; `total` less than the lengths' sum."""
    left = total
    for position, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - position)
        if length > share:
            return share
        left -= length
    return max(lengths, default=0)


_neutral = lru_cache(CACHED_TEXTS)(neutralize)
"""A passage occurs in several windows."""


def _identifiers(preset: Preset) -> re.Pattern[str] | None:
    """The form of identifiers in the prompt; None where it holds one passage, which has none."""
    if preset.kind == "pointwise":
        return None
    return LETTER if preset.identifiers == "letters" else IDENTIFIER


def _special_tokens(preset: Preset, counter: TokenCounter) -> tuple[str, ...]:
    """Texts that query and passages must not contain: the tokenizer's control tokens and the preset's tags."""
    thinking = preset.thinking
    return (*counter.special_tokens, *((thinking.open, thinking.close) if thinking else ()))
