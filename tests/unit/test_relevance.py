"""Scores of pointwise models: the probabilities after the thought, however it ends."""

import asyncio
import math

import pytest

from rankk.errors import RankkError
from rankk.llm.thinking import relevance
from rankk.llm.types import Completion, Prompt, Sampling, Thinking

TEMPLATE_OPENS = Thinking(opened_by_template=True)
LIKELY = {" true": math.log(0.6), " false": math.log(0.2), " maybe": math.log(0.1)}


def ask(
    *answers: tuple[str, str],
    likely: dict[str, float] | None = LIKELY,
    thinking: Thinking | None = TEMPLATE_OPENS,
    budget: int | None = None,
) -> tuple[float | None, Completion, list[tuple[str, int]]]:
    """Score and completion, and the prefix and tokens of every call."""
    asked: list[tuple[str, int]] = []
    left = iter(answers)

    async def complete(prompt: Prompt, sampling: Sampling) -> Completion:
        asked.append((prompt.prefix, sampling.max_tokens))
        if sampling.logprobs:
            return Completion(" true", "length", output_tokens=1, first_logprobs=likely)
        assert sampling.stop == ("</think>",)
        text, reason = next(left)
        return Completion(text, reason, output_tokens=5)

    prompt, sampling = Prompt(text="ask"), Sampling(max_tokens=99)
    completion = asyncio.run(relevance(complete, prompt, sampling, thinking, " true", " false", budget))
    return completion.score, completion, asked


def test_the_score_is_the_share_of_the_positive_token() -> None:
    score, completion, asked = ask(("It fits.\n", "stop"))
    assert score == pytest.approx(0.75)
    assert (completion.text, completion.output_tokens, completion.budget_fired) == ("It fits.\n</think> true", 6, False)
    assert asked == [("", 99), ("It fits.\n</think>", 1)]


def test_a_thought_that_runs_out_is_cut_after_its_last_sentence_and_closed_on_a_line_of_its_own() -> None:
    _, completion, asked = ask(("It fits. Or does it? The pass", "length"))
    assert asked[1] == ("\nIt fits. Or does it?\n</think>", 1)
    assert completion.budget_fired
    assert ask(("no sentence", "length"))[2][1] == ("\nno sentence\n</think>", 1)


def test_a_thinking_budget_is_honoured() -> None:
    assert ask(("It fits. And", "length"), budget=7)[2] == [("", 7), ("\nIt fits.\n</think>", 1)]
    assert ask(("It fits.", "stop"), budget=500)[2][0] == ("", 99)
    assert ask(budget=0)[2] == [("\n</think>", 1)]
    assert ask(("x", "stop"), thinking=Thinking(), budget=3)[2] == [("<think>\n", 3), ("<think>\nx</think>", 1)]
    assert ask(thinking=None)[2] == [("", 1)]


def test_a_token_that_is_not_among_the_likeliest_is_as_likely_as_the_last_of_these() -> None:
    assert ask(("x", "stop"), likely={" true": math.log(0.6), " yes": math.log(0.2)})[0] == pytest.approx(0.75)
    assert ask(("x", "stop"), likely={" false": math.log(0.9), " no": math.log(0.1)})[0] == pytest.approx(0.1)
    assert ask(("x", "stop"), likely={" yes": -0.1})[0] is None


def test_a_server_without_log_probabilities_is_an_error_and_no_score_of_nought() -> None:
    with pytest.raises(RankkError, match="the server sends no log probabilities"):
        ask(("x", "stop"), likely=None)


def test_a_thought_that_a_filter_stopped_has_no_score() -> None:
    score, completion, asked = ask(("", "content_filter"))
    assert (score, completion.finish_reason, len(asked)) == (None, "content_filter", 1)
