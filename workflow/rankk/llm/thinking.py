"""Thinking budgets, and scores read off after a thought.

A budget is two-phase decoding: the model reasons for at most N tokens; a thought still open then is closed, and the
answer is read in a second, short call that continues the same text. With prefix caching the second call costs no
second reading of the prompt. An engine that closes thoughts itself does both in one call; it is not taken at its word.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rankk.errors import RankkError
from rankk.llm.types import Completion, Prompt, Sampling, Thinking
from rankk.reranking.presets import Preset

Complete = Callable[[Prompt, Sampling], Awaitable[Completion]]

LINE_BREAK = 1  # token behind the opening tag, which an engine counts as thought
ALTERNATIVES = 20  # of the token that says relevant or not


async def complete_with_budget(
    complete: Complete,
    prompt: Prompt,
    sampling: Sampling,
    thinking: Thinking | None,
    budget: int | None,
    answer_tokens: int,
    *,
    closing_token: int | None = None,
) -> Completion:
    """A completion whose thought is closed after `budget` tokens (None: no limit of its own; 0: no thought).

    The text is everything the model is taken to have said, thought included; `budget_fired` tells whether the thought
    had to be closed. Tokens and seconds are those of both calls. `closing_token`: the engine closes the thought by
    itself, with this token; RankkError where it did not.
    """
    if thinking is None or budget is None:
        return await complete(prompt, sampling)
    opening = opened(thinking)
    answering = replace(sampling, max_tokens=answer_tokens)
    if budget == 0:
        return await _continue(complete, prompt, closed_thought(thinking, ""), answering, None, fired=False)
    if closing_token is not None:
        limited = replace(sampling, max_tokens=budget + answer_tokens, thinking_budget=budget)
        completion = await complete(replace(prompt, prefix=opening), limited)
        return _closed_in_time(completion, opening, closing_token, budget)
    first = await complete(replace(prompt, prefix=opening), replace(sampling, max_tokens=budget))
    said = opening + _said(first, thinking)
    if first.finish_reason != "length":
        return replace(first, text=said, reasoning=None)
    reasoning, closed, _ = said.partition(thinking.close)
    if closed:  # the answer begins anew: cut in the middle of a number, it would go on with another one
        return await _continue(complete, prompt, reasoning + closed, answering, first, fired=False)
    return await _continue(complete, prompt, f"{said}\n{thinking.close}\n\n", answering, first, fired=True)


def opened(thinking: Thinking) -> str:
    """What stands before a thought, where the chat template has not written it."""
    return "" if thinking.opened_by_template else f"{thinking.open}\n"


def closed_thought(thinking: Thinking, text: str) -> str:
    """A whole thought (empty: none), up to where the answer begins."""
    return f"{opened(thinking)}{text}\n{thinking.close}\n\n"


def split_thought(completion: Completion, thinking: Thinking | None) -> tuple[str, str]:
    """Reasoning and answer of a completion, for people and figures; the parser decides by itself."""
    text = completion.text or ""
    if completion.reasoning is not None:
        return completion.reasoning, text
    if thinking is None:
        return "", text
    before, closed, after = text.rpartition(thinking.close)
    if closed:
        return before.removeprefix(thinking.open), after
    opened = thinking.opened_by_template or text.lstrip().startswith(thinking.open)
    return (text.lstrip().removeprefix(thinking.open), "") if opened else ("", text)


async def relevance(
    complete: Complete, prompt: Prompt, sampling: Sampling, preset: Preset
) -> tuple[float | None, Completion]:
    """P(positive) / (P(positive) + P(negative)) for the token after the thought (Rank1, Weller et al. 2025).

    A thought that runs out of tokens is closed. None where neither word is among the likely ones.
    """
    thinking = preset.thinking or Thinking()
    thought = await complete(prompt, replace(sampling, stop=(*sampling.stop, thinking.close)))
    deciding = replace(sampling, max_tokens=1, temperature=0.0, logprobs=ALTERNATIVES)
    verdict = await _continue(
        complete,
        prompt,
        f"{thought.text}{thinking.close}",
        deciding,
        thought,
        fired=thought.finish_reason == "length",
    )
    likely = verdict.first_logprobs or {}
    positive, negative = (math.exp(likely.get(word, -math.inf)) for word in (preset.positive, preset.negative))
    total = positive + negative
    return (positive / total if total else None), verdict


async def _continue(
    complete: Complete,
    prompt: Prompt,
    said: str,
    sampling: Sampling,
    first: Completion | None,
    *,
    fired: bool,
) -> Completion:
    """The completion of `said`, with what it took to say it added."""
    second = await complete(replace(prompt, prefix=said), sampling)
    earlier = first or Completion("", "stop", output_tokens=0)
    output = None if second.output_tokens is None else second.output_tokens + (earlier.output_tokens or 0)
    return replace(
        second,
        text=said + (second.text or ""),
        reasoning=None,
        prompt_tokens=second.prompt_tokens if first is None else first.prompt_tokens,
        output_tokens=output,
        seconds=second.seconds + earlier.seconds,
        budget_fired=fired,
    )


def _closed_in_time(completion: Completion, opening: str, closing_token: int, budget: int) -> Completion:
    """A completion whose thought the engine was to close: checked, and with `budget_fired` filled in."""
    written = completion.token_ids
    thought = written.index(closing_token) if closing_token in written else len(written)
    if thought > budget:
        raise RankkError(
            f"the engine was to close the thought at {budget} tokens and let it go on to {thought}: its thinking "
            "budget does not work with this model"
        )
    return replace(completion, text=opening + completion.text, budget_fired=thought >= budget - LINE_BREAK)


def _said(completion: Completion, thinking: Thinking) -> str:
    """The model's text with the reasoning that a server may have taken out of it."""
    if completion.reasoning is None:
        return completion.text or ""
    return completion.reasoning + (f"{thinking.close}{completion.text}" if completion.text else "")
