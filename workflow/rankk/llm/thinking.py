"""Thinking budgets, and relevance scores from the first token after a thought.

A budget is enforced in two calls: the model reasons for at most N tokens; if its thought is still open then, it is
closed, and a second, short call continues the same text with the answer. With prefix caching the prompt is not computed
again. An engine that limits thoughts itself needs one call; the length of the thought is then checked in its tokens.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from rankk.errors import RankkError
from rankk.llm.types import Completion, Prompt, Sampling, Thinking

Complete = Callable[[Prompt, Sampling], Awaitable[Completion]]

LINE_BREAK = 1  # token after the opening tag, which an engine counts as part of the thought
LARGEST = 700.0  # exponent of a number that Python can represent
ALTERNATIVES = 20  # log probabilities asked for, of the token that says relevant or not


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
    """A completion whose thought has at most `budget` tokens (None: no limit; 0: no thought).

    The text includes the thought and its tags; `budget_fired` tells whether the thought had to be closed. Output tokens
    and seconds are the sums over both calls; the prompt counts once. `closing_token`: the engine closes the thought by
    itself, with this token; RankkError where it did not.
    """
    if thinking is None or budget is None:
        return await complete(prompt, sampling)
    opening = opening_text(thinking)
    answering = replace(sampling, max_tokens=answer_tokens)
    if budget == 0:
        return await _continue(complete, prompt, closed_thought(thinking, ""), answering, None, fired=False)
    if closing_token is not None:
        limited = replace(sampling, max_tokens=budget + answer_tokens, thinking_budget=budget)
        completion = await complete(replace(prompt, prefix=opening), limited)
        return _verified(completion, opening, closing_token, budget)
    first = await complete(replace(prompt, prefix=opening), replace(sampling, max_tokens=budget))
    said = opening + _whole_text(first, thinking)
    if first.finish_reason != "length":
        return replace(first, text=said, reasoning=None)
    reasoning, closed, _ = said.partition(thinking.close)
    if closed:  # the answer begins anew: cut in the middle of a number, it would go on with another one
        # Line breaks behind the tag as in `closed_thought`: a tokenizer may join them to its last character.
        begun = reasoning + closed + 2 * thinking.line_break
        return await _continue(complete, prompt, begun, answering, first, fired=False)
    return await _continue(complete, prompt, f"{said}{_closing_text(thinking)}", answering, first, fired=True)


def opening_text(thinking: Thinking) -> str:
    """The opening tag of a thought; empty where the chat template has written it already."""
    return "" if thinking.opened_by_template else f"{thinking.open}{thinking.line_break}"


def _closing_text(thinking: Thinking) -> str:
    """Text that ends a thought, up to the beginning of the answer."""
    return f"{thinking.line_break}{thinking.close}{2 * thinking.line_break}"


def closed_thought(thinking: Thinking, text: str) -> str:
    """A thought between its tags (`text` may be empty), up to where the answer begins."""
    return f"{opening_text(thinking)}{text}{_closing_text(thinking)}"


def split_thought(completion: Completion, thinking: Thinking | None) -> tuple[str, str]:
    """Reasoning and answer of a completion, for display and statistics; answer parsers apply rules of their own."""
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
    complete: Complete,
    prompt: Prompt,
    sampling: Sampling,
    thinking: Thinking | None,
    positive: str,
    negative: str,
    budget: int | None = None,
) -> Completion:
    """A completion with its score: P(positive) / (P(positive) + P(negative)) for the token after the thought (Rank1,
    Weller et al. 2025), or the one that a model gives without words.

    `thinking`: None if the model answers at once. A thought that runs out of tokens, its own or those of `budget` (0:
    no thought), is cut after its last whole sentence and closed on a line of its own, as Rank1's authors do. A token
    that is not among the likeliest is taken to be as likely as the last of these. No score where neither is there.
    RankkError where the server sends no log probabilities.
    """
    deciding = replace(sampling, max_tokens=1, temperature=0.0, logprobs=ALTERNATIVES)
    if thinking is None:
        verdict = await complete(prompt, deciding)
    elif budget == 0:
        verdict = await _continue(
            complete, prompt, f"{opening_text(thinking)}\n{thinking.close}", deciding, None, fired=False
        )
    else:
        limit = sampling.max_tokens if budget is None else min(budget, sampling.max_tokens)
        opened = replace(prompt, prefix=opening_text(thinking))
        thought = await complete(opened, replace(sampling, max_tokens=limit, stop=(*sampling.stop, thinking.close)))
        if thought.finish_reason == "content_filter":
            return thought
        cut_off = thought.finish_reason == "length"
        text = f"\n{_whole_sentences(thought.text)}\n" if cut_off else thought.text
        said = f"{opening_text(thinking)}{text}{thinking.close}"
        verdict = await _continue(complete, prompt, said, deciding, thought, fired=cut_off)
    if verdict.score is not None or verdict.finish_reason == "content_filter":
        return verdict
    likely = first_logprobs(verdict)
    if positive not in likely and negative not in likely:
        return verdict
    least = min(likely.values())
    odds = likely.get(negative, least) - likely.get(positive, least)
    return replace(verdict, score=1 / (1 + math.exp(min(odds, LARGEST))))


def first_logprobs(completion: Completion) -> dict[str, float]:
    """The alternatives of a completion's first token. RankkError where the server sends none."""
    if completion.first_logprobs is None:
        raise RankkError("the server sends no log probabilities (logprobs), which this preset or parser reads")
    return completion.first_logprobs


def _whole_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence; all of it where there is none."""
    end = max(text.rfind(sign) for sign in ".!?")
    return (text[: end + 1] if end >= 0 else text).strip()


async def _continue(
    complete: Complete,
    prompt: Prompt,
    said: str,
    sampling: Sampling,
    first: Completion | None,
    *,
    fired: bool,
) -> Completion:
    """The completion that continues `said`; the tokens and seconds of the `first` call are added."""
    second = await complete(replace(prompt, prefix=said), sampling)
    earlier = first or Completion("", "stop", output_tokens=0, waited=0.0, computed=0.0)
    output = None if second.output_tokens is None else second.output_tokens + (earlier.output_tokens or 0)
    return replace(
        second,
        text=said + (second.text or ""),
        reasoning=None,
        prompt_tokens=second.prompt_tokens if first is None else first.prompt_tokens,
        output_tokens=output,
        seconds=second.seconds + earlier.seconds,
        waited=_sum(second.waited, earlier.waited),
        computed=_sum(second.computed, earlier.computed),
        budget_fired=fired,
    )


def _sum(one: float | None, other: float | None) -> float | None:
    """The sum of two times, where both are known."""
    return None if one is None or other is None else one + other


def _verified(completion: Completion, opening: str, closing_token: int, budget: int) -> Completion:
    """The completion of an engine that closes thoughts itself, with `budget_fired`; RankkError if it did not."""
    written = completion.token_ids
    thought = written.index(closing_token) if closing_token in written else len(written)
    if thought > budget:
        raise RankkError(
            f"the engine was to close the thought at {budget} tokens and let it go on to {thought}: its thinking "
            "budget does not work with this model"
        )
    return replace(completion, text=opening + completion.text, budget_fired=thought >= budget - LINE_BREAK)


def _whole_text(completion: Completion, thinking: Thinking) -> str:
    """The model's whole text, with the reasoning that a server may have separated from it."""
    if completion.reasoning is None:
        return completion.text or ""
    return completion.reasoning + (f"{thinking.close}{completion.text}" if completion.text else "")
