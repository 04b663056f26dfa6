"""The parsers on answers as models write them."""

import time
from pathlib import Path

import pytest

from rankk.io.files import read_jsonl
from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import ASKED, PARSERS, Parser
from rankk.reranking.parsers.digits import Digits
from rankk.reranking.parsers.ranking import Ranking
from rankk.reranking.types import Answer, Outcome

TEMPLATE_OPENS = Thinking(opened_by_template=True)
MODEL_OPENS = Thinking()


def ranking(
    text: str, n: int = 5, thinking: Thinking | None = None, finish: str = "stop", reasoning: str | None = None
) -> Answer:
    return Ranking().parse(Completion(text, finish, reasoning=reasoning), n, thinking)


def named(answer: Answer) -> list[list[int]]:
    """Tie groups with identifiers counted from 1, as in the answer."""
    return [[position + 1 for position in group] for group in answer.groups]


def test_the_asked_form_is_ok_with_ties() -> None:
    answer = ranking("[3] > [2] = [4] > [1] > [5]")
    assert answer == Answer(((2,), (1, 3), (0,), (4,)), Outcome.OK)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**[3] > [2] > [4]**", [3, 2, 4]),
        ("`[3] > [2] > [4]`", [3, 2, 4]),
        ("[3] > [2] > [4].", [3, 2, 4]),
        ("[3]>[2]>[4]</answer>", [3, 2, 4]),
        ("Ranking: [3] > [2] > [4]", [3, 2, 4]),
        ("Here is the top 10 passages: [4] > [2]", [4, 2]),
        ("Top 5 [4] > [2]", [4, 2]),
        ("[3] > [2] >\n[4] > [1]", [3, 2, 4, 1]),
        ("[3] > [2]\n[4] > [1]", [3, 2, 4, 1]),
        ("[3]\n[2]\n[4]", [3, 2, 4]),
        ("[3].\n[2].\n[4].", [3, 2, 4]),
        ("1. [3]\n2. [2]\n3. [4]", [3, 2, 4]),
        ("**1.** [3]\n**2.** [2]", [3, 2]),
        ("1. 3\n2. 5\n3. 1", [3, 5, 1]),
        ("1. [3] > 2. [2] > 3. [4]", [3, 2, 4]),
        ("- [3]: names the river\n- [2]: near it", [3, 2]),
        ("[3] because it is good\n[2] since it is not", [3, 2]),
        ("| 1 | [3] |\n| 2 | [4] |", [3, 4]),
        ("[2], [4], and [1]", [2, 4, 1]),
        ("[3, 2, 4]", [3, 2, 4]),
        ('{"ranking": [3, 2, 4]}', [3, 2, 4]),
        ("```json\n[3, 1]\n```", [3, 1]),
        ("３＞２＞４", [3, 2, 4]),
        ("【3】＞【2】＞【4】", [3, 2, 4]),
        ("［３］＞［２］", [3, 2]),
        ("[۳] > [۲] > [۴]", [3, 2, 4]),
        ("[٣] > [٢] > [٤]", [3, 2, 4]),
        ("\u200f[3] > \u200f[2]", [3, 2]),
        ("\\boxed{[3] \\succ [2]}", [3, 2]),
        ("[3] &gt; [2]", [3, 2]),
        ("[3] → [2] → [1]", [3, 2, 1]),
        ("3 > 2 > 4", [3, 2, 4]),
        ("#3 > #2 > #4", [3, 2, 4]),
        ("(3) > (2)", [3, 2]),
        ("3, 2, 4", [3, 2, 4]),
        ("3\n2\n4", [3, 2, 4]),
        ("3", [3]),
        ("12] > [13] > [6]", [12, 13, 6]),
        ("5 > [11] > [6]", [5, 11, 6]),
        ("Passage 3 > Passage 2", [3, 2]),
        ("[Passage 3] > [Passage 1]", [3, 1]),
        ("[3] (score 9.5) > [2] (score 7)", [3, 2]),
        ("[5] > [1]-[3]", [5, 1, 2, 3]),
        ("[3–5] > [1]", [3, 4, 5, 1]),
        ("[4]-[2]", [4, 3, 2]),
        ("[5] - [1] - [3]", [5, 1, 3]),
        ("[3] > [2] > ... > [5]", [3, 2, 5]),
        ("[0] > [-1] > [21] > [2]", [2]),
        ("[3] > [2] > [3] > [5] > [1]", [3, 2, 5, 1]),
        ("The most relevant passage is [3].", [3]),
    ],
)
def test_a_ranking_is_read_in_the_forms_that_models_give_it(text: str, expected: list[int]) -> None:
    answer = ranking(text, 20)
    assert named(answer) == [[value] for value in expected]
    assert answer.outcome == Outcome.PARTIAL


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("[3] > [2] > [1]. ", "format"),
        ("Ranking: [3] > [2] > [1]", "prose"),
        ("[3] > [2] > [2] > [1]", "duplicate"),
        ("[3] > [0] > [2] > [1]", "out of range"),
        ("3 > 2 > 1", "brackets"),
        ("3] > [2] > [1]", "brackets"),
        ("[3]-[1]", "range"),
    ],
)
def test_a_repair_of_a_complete_ranking_is_named(text: str, repair: str) -> None:
    answer = ranking(text, 3)
    assert answer.outcome == Outcome.REPAIRED
    assert repair in answer.repairs


def test_a_final_ranking_replaces_a_draft() -> None:
    assert named(ranking("Draft: [1] > [2] > [3]. Final: [3] > [2] > [1]")) == [[3], [2], [1]]


def test_rankings_that_share_nothing_are_read_one_after_the_other() -> None:
    text = "Relevant: [3] > [2]\nSomewhat: [4] > [5]\nNot: [1]"
    assert named(ranking(text)) == [[3], [2], [4], [5]]


def test_passages_that_prose_mentions_do_not_count_beside_a_ranking() -> None:
    assert named(ranking("Passages [1], [5] and [4] are off-topic. Ranking: [3] > [2]")) == [[3], [2]]


def test_a_tie_with_a_dropped_identifier_joins_no_other_group() -> None:
    assert named(ranking("[3] > [99] = [4]")) == [[3], [4]]
    assert named(ranking("[3] > [2] > [3] = [4]")) == [[3], [2], [4]]


@pytest.mark.parametrize(
    "text",
    [
        "20 passages have been provided.",
        "1. Some text\n2. Other text",
        "3rd is best",
        "In 2020, 3 of 4 said so.",
        "",
        "?",
    ],
)
def test_numbers_that_name_no_passage_are_no_ranking(text: str) -> None:
    assert ranking(text, 20) == Answer((), Outcome.EMPTY)


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("12 things. [3] is from 2019. [7] > [2]", TEMPLATE_OPENS),
        ("[7] > [2]", TEMPLATE_OPENS),
        ("<think>[7] > [2]", MODEL_OPENS),
        ("Okay, [7] > [2] so far", MODEL_OPENS),
        ("<think>[7] > [2]", None),
        ("<think>[7]</think>", MODEL_OPENS),
        ("", MODEL_OPENS),
        ("", None),
        ("Passage [3] speaks of", None),
    ],
)
def test_reasoning_that_ran_out_is_never_an_answer(text: str, thinking: Thinking | None) -> None:
    assert ranking(text, 20, thinking, "length") == Answer((), Outcome.TRUNCATED)


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("[1] > [7]? No.</think>\n\n[2] > [1]", TEMPLATE_OPENS),
        ("<think>[7]</think>[2] > [1]", MODEL_OPENS),
        ("<think>[7]</think>[2] > [1]", None),
        ("<think>\n\n</think>\n\n[2] > [1]", MODEL_OPENS),
        ("<think>[7] <answer>[5]</answer></think> <answer>[2] > [1]</answer>", MODEL_OPENS),
        ("[7]</think>[2] > [1]</think>", TEMPLATE_OPENS),
        ("[7]</think>[2] > [1]<think>[5]", TEMPLATE_OPENS),
        ("[2] > [1]", MODEL_OPENS),
    ],
)
def test_the_answer_is_what_follows_the_reasoning(text: str, thinking: Thinking | None) -> None:
    answer = ranking(text, 2, thinking)
    assert (named(answer), answer.outcome) == ([[2], [1]], Outcome.OK)


def test_reasoning_that_the_server_took_out_is_not_missed_in_the_text() -> None:
    assert ranking("[2] > [1]", 2, TEMPLATE_OPENS, reasoning="[1]?").outcome == Outcome.OK
    assert ranking("", 2, TEMPLATE_OPENS, "length", reasoning="[1] > [2]").outcome == Outcome.TRUNCATED
    assert Ranking().parse(Completion(None, "length", reasoning="[1]"), 2, None).outcome == Outcome.TRUNCATED  # type: ignore[arg-type]


def test_a_thought_that_ended_unclosed_hides_only_an_unmistakable_answer() -> None:
    assert ranking("I think [2] > [1]", 2, TEMPLATE_OPENS).outcome == Outcome.EMPTY
    assert ranking("[2] > [1]", 2, TEMPLATE_OPENS).repairs == ("no thought",)
    assert ranking("So. <answer>[2] > [1]</answer>", 2, TEMPLATE_OPENS).repairs == ("thought not closed",)


def test_an_answer_cut_off_keeps_what_stands_before_the_cut() -> None:
    answer = ranking("done</think>[2] > [4] > [1", 20, TEMPLATE_OPENS, "length")  # [1 may have been [12]
    assert named(answer) == [[2], [4]]
    assert answer.outcome == Outcome.PARTIAL
    assert "cut off" in answer.repairs
    assert ranking("[2] > [1]\nThe first is better since", 2, None, "length").outcome == Outcome.REPAIRED


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, but I can't rank these.", "I cannot rank [1] and [2].", "As an AI model, I …", "抱歉，我无法排序。"],
)
def test_a_refusal_is_told_from_an_empty_answer(text: str) -> None:
    assert ranking(text) == Answer((), Outcome.REFUSED)


def test_a_ranking_that_begins_with_an_apology_is_no_refusal() -> None:
    assert ranking("I'm sorry for the delay: [2] > [1]", 2).outcome == Outcome.REPAIRED


def test_digits_takes_every_number_as_published_runs_did() -> None:
    answer = Digits().parse(Completion("20 passages, 1. [3] > [3] > [21] > [2]", "stop"), 20, TEMPLATE_OPENS)
    assert named(answer) == [[20], [1], [3], [2]]
    assert answer.repairs == ("duplicate", "format", "out of range")
    assert Digits().parse(Completion("[2] > [1]", "stop"), 2, None).outcome == Outcome.OK
    assert Digits().parse(Completion("9" * 9000, "stop"), 2, None).outcome == Outcome.EMPTY


@pytest.mark.parametrize(
    "part",
    [
        *("[", "(", "(a", "1", "1.", "1 ", "(1", " ", "[ ", "passage ", "\n1. ", "<answer>", "</think>", "<think>"),
        *("[1] > ", "[1]-[19],", "[1] and ", "[1] x ", "[1] > [2] x ", "[1]\n", "\\succ", "]", "-", "\n", "۳"),
        *("(1 a", "1:1:"),
    ],
)
def test_a_long_answer_takes_linear_time(part: str) -> None:
    """Ten times the text takes ten times as long; a quadratic pattern would take a hundred times."""
    for parser in PARSERS.all().values():
        for thinking in (None, TEMPLATE_OPENS):
            short, long = (seconds(parser(), (part * size)[:size], thinking) for size in (10_000, 100_000))
            assert long < 40 * short + 0.2


def seconds(parser: Parser, text: str, thinking: Thinking | None) -> float:
    """Processor time for one answer."""
    started = time.process_time()
    parser.parse(Completion(text, "stop"), 20, thinking)
    return time.process_time() - started


def test_published_answers_in_the_asked_form_are_read_alike_by_both_parsers(dl19: Path) -> None:
    seen = 0
    for file in sorted(dl19.glob("replays/*.responses.jsonl.gz")):
        for _, record in read_jsonl(file):
            completion = Completion(record["response"] or "", "stop")
            answer = Ranking().parse(completion, 20, None)
            if ASKED.fullmatch(completion.text.strip()):
                assert answer.groups == Digits().parse(completion, 20, None).groups
                seen += 1
            assert sorted(position for group in answer.complete(20) for position in group) == list(range(20))
    assert seen > 5000
