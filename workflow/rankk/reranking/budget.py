"""The one place where prompt and answer are made to fit into the model's context."""

from collections.abc import Sequence

from rankk.errors import RankkError
from rankk.reranking.presets import Preset
from rankk.reranking.prompts import neutralize, render
from rankk.reranking.tokenizers import TokenCounter
from rankk.reranking.types import Prompt

FLOOR = 16
"""Tokens under which a passage is never cut: what is left would not tell what it is about."""


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
    """The prompt for a window, with prompt + `answer_tokens` <= `context` (tokens; None: unlimited).

    Passages are cut to `passage_tokens`; where that is still too much, all are cut to the same smaller length. The
    query is never cut. Raises RankkError that says by how many tokens the prompt does not fit.
    """
    query = neutralize(query, counter.special_tokens)
    texts = [counter.cut(neutralize(text, counter.special_tokens), passage_tokens) for text in passages]
    prompt = render(preset, query, texts)
    if context is None:
        return prompt
    limit = passage_tokens
    while (excess := counter.prompt_tokens(prompt) + answer_tokens - context) > 0:
        lengths = [counter.count(text) for text in texts]
        limit = even_limit(lengths, sum(lengths) - excess, at_most=limit - 1)
        if limit < FLOOR:
            raise RankkError(
                f"the prompt is {excess} tokens too long: {len(texts)} passages, {answer_tokens} tokens for the answer, "
                f"context {context}; use a smaller window, fewer max_tokens or a longer context (max_model_len)"
            )
        texts = [counter.cut(text, limit) for text in texts]
        prompt = render(preset, query, texts)
    return prompt


def even_limit(lengths: Sequence[int], total: int, at_most: int) -> int:
    """The largest limit <= `at_most` with sum(min(length, limit)) <= `total`: long ones shrink first, evenly."""
    left, limit = total, 0
    for place, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - place)
        if length > share:
            limit = share
            break
        left -= length
        limit = length
    return min(at_most, limit)
