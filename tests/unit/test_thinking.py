"""A thinking budget in two calls: what the second one continues."""

import asyncio
from dataclasses import replace

import pytest

from rankk.llm.thinking import complete_with_budget
from rankk.llm.types import Completion, Prompt, Sampling, Thinking

BUDGET = 8


def ask(*answers, budget=BUDGET, **times):
    """The completion, and the prefix and tokens of every call, of a model that gives these answers one by one."""
    asked, left = [], iter(answers)

    async def complete(prompt, sampling):
        asked.append((prompt.prefix, sampling.max_tokens))
        text, reason = next(left)
        return Completion(text, reason, prompt_tokens=100, output_tokens=5, seconds=1.0, **times)

    sampling = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=999)
    found = asyncio.run(complete_with_budget(complete, Prompt(text="ask"), sampling, Thinking(), budget, 20))
    return found, asked


def test_a_thought_and_answer_within_the_budget_take_one_call():
    found, asked = ask(("hm\n</think>\n\n[1]", "stop"))
    assert (found.text, found.budget_fired) == ("<think>\nhm\n</think>\n\n[1]", False)
    assert asked == [("<think>\n", BUDGET)]


def test_an_open_thought_is_closed_and_the_answer_asked_for():
    found, asked = ask(("so let me see", "length"), ("[2] > [1]", "stop"))
    assert found.text == "<think>\nso let me see\n</think>\n\n[2] > [1]"
    assert found.budget_fired
    assert asked == [("<think>\n", BUDGET), ("<think>\nso let me see\n</think>\n\n", 20)]


def test_an_answer_that_the_budget_cuts_begins_anew_behind_the_thought():
    found, asked = ask(("hm\n</think>\n\n[1", "length"), ("[10] > [1]", "stop"))
    assert found.text == "<think>\nhm\n</think>\n\n[10] > [1]"
    assert not found.budget_fired
    assert asked[1] == ("<think>\nhm\n</think>\n\n", 20)  # as it was trained on, whatever the tokenizer joins
    assert found.output_tokens == 10


def test_times_of_both_calls_are_added_where_the_engine_tells_them():
    answers = ("so let me see", "length"), ("[2] > [1]", "stop")
    found, _ = ask(*answers, waited=0.25, computed=0.5)
    assert (found.seconds, found.waited, found.computed) == (2.0, 0.5, 1.0)
    found, _ = ask(*answers)
    assert (found.seconds, found.waited, found.computed) == (2.0, None, None)
    found, _ = ask(("[1]", "stop"), budget=0, waited=0.25, computed=0.5)
    assert (found.seconds, found.waited, found.computed) == (1.0, 0.25, 0.5)


def test_no_budget_is_one_call_that_thinks_nothing():
    found, asked = ask(("[1]", "stop"), budget=0)
    assert asked == [("<think>\n\n</think>\n\n", 20)]
    assert found.text == "<think>\n\n</think>\n\n[1]"


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_without_a_limit_the_model_goes_on_as_it_likes(reason):
    found, asked = ask(("<think>x", reason), budget=None)
    assert asked == [("", 999)]
    assert replace(found, seconds=0) == Completion("<think>x", reason, prompt_tokens=100, output_tokens=5, seconds=0)
