"""The parsers on answers as models write them."""

import time
from pathlib import Path

import pytest

from rankk.io.files import read_jsonl
from rankk.io.yaml_files import read_yaml
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


SIGNS = """
    ≥ ≽ ⪰ ≿ ≩ ⋗ ⊐ ≫ ⟩ ⟫ ▷ ▹ ⊳ ➜ ➔ ⟶ ⟹ ⇨ ⇉ ⮕ 🡒 ↠ ➡️ 👉 ﹥ › » ❯ & ＆ | / ∣ ‖ · • ∙ ‣ ~ ^ @ % § † ※ ★ : ; , ＋ -> --> =>
    ~> |> >> \\gg \\geq \\gtrsim \\succcurlyeq \\rightarrow \\Rightarrow \\hookrightarrow \\to \\triangleright \\\\
    &gt; &gt;&gt; &raquo; or vs
"""


@pytest.mark.parametrize("sign", SIGNS.split())
def test_signs_without_words_link_identifiers_and_nothing_before_them_is_dropped(sign: str) -> None:
    assert named(ranking(f"[3] {sign} [1] > [2] > [4]", 4)) == [[3], [1], [2], [4]]
    assert named(ranking(f"[3] {sign} [1] {sign} [2] {sign} [4]", 4)) == [[3], [1], [2], [4]]
    if sign not in ":%":  # 3%
        assert named(ranking(f"3 {sign} 1 > 2 > 4", 4)) == [[3], [1], [2], [4]]


@pytest.mark.parametrize(
    "text",
    ["[4] < [2] < [1] < [3]", "4 < 2 < 1 < 3", "[4] &lt; [2] &lt; [1] &lt; [3]", "[4] ≪ [2] ≲ [1] <= [3]",
     "[4] ⋖ [2] ⋖ [1] ≨ [3]", r"[4] \lt [2] \leq [1] \ll [3]", "Ranking: [4] < [2] < [1] < [3]."],
)  # fmt: skip
def test_a_ranking_with_less_than_alone_is_read_from_its_end(text: str) -> None:
    assert named(ranking(text, 4)) == [[3], [1], [2], [4]]


def test_ties_between_signs_of_less_than_stay_ties() -> None:
    assert named(ranking("[4] < [2] = [1] < [3]", 4)) == [[3], [1, 2], [4]]


@pytest.mark.parametrize(
    "text",
    ["[4] ≺ [2] ≺ [1]", "[2] ← [1]", r"[2] \prec [1]", r"[2] \leftarrow [1]", "[2] <- [1]", "[3] > [1] < [2]",
     "[3] < [1] > [2]"],
)  # fmt: skip
def test_signs_that_say_before_as_well_as_less_than_are_not_used(text: str) -> None:
    assert ranking(text, 4) == Answer((), Outcome.EMPTY)


def test_a_comparison_with_less_than_does_not_hide_a_ranking() -> None:
    assert named(ranking("Since [1] < [2]: [2] > [1] > [3]", 3)) == [[2], [1], [3]]
    assert named(ranking("As [4] < [5], the ranking is [2] > [1] > [3]", 5)) == [[2], [1], [3]]


@pytest.mark.parametrize("dots", ["...", "…", "...."])
def test_dots_stand_for_the_rest_of_a_sequence_and_for_nothing_else(dots: str) -> None:
    assert named(ranking(f"[1] > [2] > {dots} > [10]", 10)) == [[value] for value in range(1, 11)]
    assert named(ranking(f"[5] > [10] > [9] > {dots} > [6]", 10)) == [[value] for value in (5, 10, 9, 8, 7, 6)]
    assert named(ranking(f"[3] > [1] > [2] > {dots} > [9]", 10)) == [[3], [1], [2], [9]]  # [3] would come twice
    assert named(ranking(f"[5] > [1] > {dots} > [9]", 10)) == [[5], [1], [9]]


FORMS = read_yaml(Path(__file__).with_name("answers.yaml"))


@pytest.mark.parametrize("texts", FORMS.values(), ids=FORMS)
def test_the_first_is_never_dropped_whatever_form_an_answer_has(texts: list[str]) -> None:
    assert {text: named(ranking(text, 4)) for text in texts} == {text: [[3], [1], [2], [4]] for text in texts}


ACCOUNTS = [
    "All passages [1]-[4] are irrelevant.",
    "I have read passages [1] to [4].",
    "Let me look at each passage:\n1. [1] - dogs\n2. [2] - cats\n3. [3] - fish\n4. [4] - birds",
    "## Passage 1\ntext\n## Passage 2\ntext\n## Passage 3\ntext",
    "[1]: good\n[2]: good\n[3]: bad\n[4]: bad",
    "| Passage | Verdict |\n|---|---|\n| 1 | yes |\n| 2 | no |\n| 3 | yes |\n| 4 | no |",
    '{"error": "cannot rank", "code": 3}',
    '{"scores": [7, 4, 9]}',
    "Scores: 7, 4, 9",
    "1: 3\n2: 3\n3: 1",
    "[1] ✅ [2] ❌ [3] ✅ [4] ❌",
]
NOT_ALL_SCORES = [
    "[1]: 5, [2]: 5, [3]: 5, [4]: x",
    "[1]: 5\n[2]: 5\n[3]: N/A\n[4]: 5",
    "[1] = 5, [2] = 5, [3] = 5, [4] = x",
    "[1] (5/10), [2] (5/10), [3] (n/a), [4] (5/10)",
    "[1]: 5/10\n[2]: 5/10\n[3]: -/10\n[4]: 1/10",
    "1: 5\n2: x\n3: 7\n4: 1",
    "| Passage | Score |\n|---|---|\n| 1 | 5 |\n| 2 | n/a |\n| 3 | 9 |\n| 4 | 1 |",
    '[{"id": 1, "score": 5}, {"id": 2, "score": null}, {"id": 3, "score": 7}]',
    '{"[1]": 5, "[2]": "x", "[3]": 7, "[4]": 1}',
    '{"scores": [5, "x", 7, 1]}',
    '[["1", 5], ["2", "x"], ["3", 7], ["4", 1]]',
    '[{"id": 1, "relevance": "high"}, {"id": 2, "relevance": "low"}, {"id": 3, "relevance": "high"}]',
]


@pytest.mark.parametrize("text", NOT_ALL_SCORES)
def test_scores_of_which_one_is_no_number_are_no_ranking(text: str) -> None:
    assert ranking(text, 4) == Answer((), Outcome.EMPTY)


@pytest.mark.parametrize(
    "text", ["(as in [2] > [1]) [4] > [3]", "Example: [2] > [1]\n[4] > [3]", "(like [2] > [1])\n[4] > [3]"]
)
def test_an_example_is_no_part_of_the_ranking(text: str) -> None:
    assert named(ranking(text, 4)) == [[4], [3]]


@pytest.mark.parametrize(
    "text",
    [
        "[4] is irrelevant. [3] > [1] > [2]",
        "[4] is less relevant than [3] > [1] > [2]",
        "Of the 4 dogs: [3] > [1] > [2]",
    ],
)
def test_what_words_put_last_does_not_come_first(text: str) -> None:
    assert named(ranking(text, 4)) == [[3], [1], [2]]


@pytest.mark.parametrize("text", ACCOUNTS)
def test_an_account_of_the_passages_is_no_ranking_in_their_order(text: str) -> None:
    assert ranking(text, 4) == Answer((), Outcome.EMPTY)


def test_a_large_number_is_no_identifier() -> None:
    assert named(ranking("[1,000] > [2]", 4)) == [[2]]


def test_a_ranking_without_brackets_that_is_cut_off_keeps_its_beginning() -> None:
    assert named(ranking("12 > 3 > 1", 12, MODEL_OPENS, "length")) == [[12], [3]]


RANKS = {
    "markdown": "| Rank | Passage |\n|---|---|\n| 1 | 3 |\n| 2 | 1 |\n| 3 | 2 |\n| 4 | 4 |",
    "markdown with a score": "|Rank|ID|Score|\n|--|--|--|\n|1|3|9|\n|2|1|7|\n|3|2|4|\n|4|4|1|",
    "markdown with reasons": "|#|Doc|Why|\n|--|--|--|\n|1|3|best|\n|2|1|ok|\n|3|2|2 of 3|\n|4|4|no|",
    "markdown by passage": "| Passage | Rank |\n|---|---|\n| 1 | 2 |\n| 2 | 3 |\n| 3 | 1 |\n| 4 | 4 |",
    "pipes": "1 | 3\n2 | 1\n3 | 2\n4 | 4",
    "tabs": "1\t3\n2\t1\n3\t2\n4\t4",
    "tabs with a header": "Rank\tPassage\n1\t3\n2\t1\n3\t2\n4\t4",
    "commas": "rank,passage\n1,3\n2,1\n3,2\n4,4",
    "semicolons": "rank;passage\n1;3\n2;1\n3;2\n4;4",
    "colons": "1: 3\n2: 1\n3: 2\n4: 4",
    "dashes": "1 - 3\n2 - 1\n3 - 2\n4 - 4",
    "words": "Rank 1: 3\nRank 2: 1\nRank 3: 2\nRank 4: 4",
    "words twice": "Rank 1 - Passage 3\nRank 2 - Passage 1\nRank 3 - Passage 2\nRank 4 - Passage 4",
    "by passage": "[1]: rank 2\n[2]: rank 3\n[3]: rank 1\n[4]: rank 4",
    "by passage on a line": "[1] (rank 2), [2] (rank 3), [3] (rank 1), [4] (rank 4)",
    "numbered": "1. Passage 3\n2. Passage 1\n3. Passage 2\n4. Passage 4",
    "JSON": '[{"rank": 1, "id": 3}, {"rank": 4, "id": 4}, {"rank": 2, "id": 1}, {"rank": 3, "id": 2}]',
    "JSON by passage": '{"ranks": {"[1]": 2, "[2]": 3, "[3]": 1, "[4]": 4}}',
    "JSON with reasons": '{"reasoning": "[1] beats [2] in 2 of 4", "ranking": [3, 1, 2, 4]}',
    "JSON lists": '```json\n{"ranking": ["[3]", "[1]", "[2]", "[4]"], "confidence": 90}\n```',
    "XML": "<ranking><id>3</id><id>1</id><id>2</id><id>4</id></ranking>",
    "letters": "D3 > D1 > D2 > D4",
    "circled": "③ > ① > ② > ④",
}
SCORES = {
    "lines": "[1]: 7\n[2]: 4\n[3]: 9\n[4]: 0",
    "shares": "[1]: 7/10\n[2]: 4/10\n[3]: 9/10\n[4]: 1/10",
    "out of": "[1] 7 out of 10\n[2] 4 out of 10\n[3] 9 out of 10\n[4] 1 out of 10",
    "decimals": "[1]: 0.7\n[2]: 0.4\n[3]: 0.95\n[4]: 0.1",
    "per cent": "[1]: 70%\n[2]: 40%\n[3]: 90%\n[4]: 10%",
    "equals": "[1] = 7\n[2] = 4\n[3] = 9\n[4] = 1",
    "on a line": "[1] (7), [2] (4), [3] (9), [4] (1)",
    "words": "Passage 1 - score 2\nPassage 2 - score 1\nPassage 3 - score 4\nPassage 4 - score 0",
    "numbered": "1. [1] - 7/10\n2. [2] - 4/10\n3. [3] - 9/10\n4. [4] - 1/10",
    "bold": "**[1]**: 7/10\n**[2]**: 4/10\n**[3]**: 9/10\n**[4]**: 1/10",
    "with remarks": "Passage 1: 7/10. On dogs.\nPassage 2: 4/10. 2 cats.\nPassage 3: 9/10. Best.\nPassage 4: 1/10. No.",
    "behind remarks": "[1] on 3 dogs. Score: 7\n[2] on cats. Score: 4\n[3] best. Score: 9\n[4] none. Score: 1",
    "documents": "Doc: 3, Relevance: 9\nDoc: 2, Relevance: 4\nDoc: 1, Relevance: 7\nDoc: 4, Relevance: 1",
    "table": "| Passage | Score |\n|---|---|\n| [1] | 7 |\n| [2] | 4 |\n| [3] | 9 |\n| [4] | 1 |",
    "table without brackets": "| Passage | Relevance |\n|---|---|\n| 1 | 2 |\n| 2 | 1 |\n| 3 | 4 |\n| 4 | 0 |",
    "commas": "passage,score\n1,7\n2,4\n3,9\n4,1",
    "JSON by passage": '{"[1]": 7, "[2]": 4, "[3]": 9, "[4]": 1}',
    "JSON by number": '{"1": 7, "2": 4, "3": 9, "4": 1}',
    "JSON by name": 'The scores: {"scores": {"passage_1": 3, "passage_2": 2, "passage_3": 4, "passage_4": 1}}.',
    "JSON objects": '[{"id":"[1]","score":7}, {"id":"[2]","score":4}, {"id":"[3]","score":9}, {"id":"4","score":1}]',
    "JSON in JSON": '{"results": [{"index": 1, "relevance_score": 0.7}, {"index": 2, "relevance_score": 0.4}, '
    '{"index": 3, "relevance_score": 0.9}, {"index": 4, "relevance_score": 0.1}]}',
    "JSON with reasons": '{"[1]": {"score":7, "of":"2"}, "[2]": {"score":4}, "[3]": {"score":9}, "[4]": {"score":1}}',
}


@pytest.mark.parametrize(
    "text", [*RANKS.values(), *SCORES.values()], ids=[*RANKS, *(f"scores: {name}" for name in SCORES)]
)
def test_ranks_and_scores_order_the_passages(text: str) -> None:
    answer = ranking(text, 4)
    assert named(answer) == [[3], [1], [2], [4]]
    assert answer.outcome == Outcome.REPAIRED


def test_equal_scores_are_ties() -> None:
    assert named(ranking('[{"id": 1, "score": 2}, {"id": 3, "score": 4}, {"id": 2, "score": 2}]', 3)) == [[3], [1, 2]]


@pytest.mark.parametrize(
    "text",
    [
        "[1]: 3\n[2]: 1\n[3]: 4\n[4]: 2",
        '{"[1]": 2, "[2]": 1, "[3]": 3}',
        '{"[1]": "relevant", "[2]": "irrelevant"}',
        '{"[1]": true, "[2]": false}',
        "[1]: 7\n[2]: 9\n[1]: 3",
        "[1] is about dogs.\n[2] is about cats.\n[3] fits best.",
        "I looked at [1], [2], [3] and [4].",
    ],
)
def test_what_may_be_ranks_or_scores_or_remarks_is_never_a_ranking_in_the_prompts_order(text: str) -> None:
    assert ranking(text, 4) == Answer((), Outcome.EMPTY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[3]: 4\n[1]: 3\n[2]: 2\n[4]: 1", [3, 1, 2, 4]),  # scores, or ranks from the worst: both in this order
        ("[3]: 1\n[1]: 2\n[2]: 3\n[4]: 4", [3, 1, 2, 4]),
        ("3, 1\n2, 4", [3, 1, 2, 4]),
        ("| Passage | Score |\n|---|---|\n| [1] | 7 |\n| [3] | 9 |\n\nRanking: [3] > [1] > [2] > [4]", [3, 1, 2, 4]),
        ("Draft: [4] > [3] > [2] > [1]\nFinal ranking: [3] > [1]", [3, 1]),
        ("<thinking>[1] > [2]</thinking>[3] > [1]", [3, 1]),
    ],
)
def test_what_several_readings_agree_on_is_used(text: str, expected: list[int]) -> None:
    assert named(ranking(text, 4)) == [[value] for value in expected]


@pytest.mark.parametrize("text", ["<thought>[1] > [2] > [3], no", "[THINK]maybe [2] > [1]", "<seed:think>[2] > [1]"])
def test_a_thought_in_unknown_tags_that_was_not_closed_is_no_answer(text: str) -> None:
    assert ranking(text, 3) == Answer((), Outcome.EMPTY)


def test_scores_that_were_cut_off_lose_their_last_line() -> None:
    answer = ranking("[1]: 7\n[2]: 9\n[3]: 8\n[4]: 1", 4, finish="length")  # 1 may have been 10
    assert (named(answer), answer.outcome) == ([[2], [3], [1]], Outcome.PARTIAL)


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


@pytest.mark.parametrize("parser", PARSERS.names())
def test_what_a_content_filter_cut_off_is_refused(parser: str) -> None:
    completion = Completion("[2] > [1", "content_filter", first_logprobs={"A": -0.1})
    assert PARSERS.get(parser)().parse(completion, 2, None) == Answer((), Outcome.REFUSED)


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
        *(
            "(1 a",
            "1:1:",
            "{",
            "{[1]: ",
            '{"1": 2,',
            "[[",
            "rank 1 ",
            "score ",
            "passage id ",
            "1/",
            "1 | ",
            "<a ",
            "\\\\succ",
        ),
        *("&", "&gt", "\\\\", "< [1] ", "[1] & ", "[1]: 7/10\\n", "1\\t3\\n", "id: 3, score: ", "-=", "(1, 7), "),
    ],
)
def test_a_long_answer_takes_linear_time(part: str) -> None:
    """Ten times the text takes ten times as long; a quadratic pattern would take a hundred times."""
    for parser in PARSERS.all().values():
        for thinking in (None, TEMPLATE_OPENS):
            short, long = (seconds(parser(), (part * size)[:size], thinking) for size in (10_000, 100_000))
            assert long < 40 * short + 0.2


def seconds(parser: Parser, text: str, thinking: Thinking | None) -> float:
    """Processor time for one answer, the least of three tries: garbage is collected at some."""
    times = []
    for _ in range(3):
        started = time.process_time()
        parser.parse(Completion(text, "stop"), 20, thinking)
        times.append(time.process_time() - started)
    return min(times)


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
