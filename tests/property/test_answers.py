"""Whatever a model writes: no exception, always a permutation."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.base import PARSERS
from rankk.reranking.parsers.ranking import Ranking
from rankk.reranking.types import Outcome

EXAMPLES = 1_000

PIECES = st.sampled_from(
    [
        *("[", "]", "[3]", "[17]", "【2】", "４", "۵", " > ", " = ", "=", ",", "\n", "-", "1. ", "**", "-1", "0", "²"),
        *("<think>", "</think>", "<answer>", "</answer>", "3.5", "and", "...", "I'm sorry", "passage ", "(score 3)"),
        *(
            "9" * 30,
            "\x00",
            " < ",
            " ≫ ",
            "\\gg",
            "&gt;",
            "|",
            "\t",
            ": ",
            "7/10",
            "0.5",
            "score ",
            "rank 2",
            "②",
            "D3",
        ),
        *("{", "}", '"', '{"[1]": 5, "[2]": 9}', '{"id": 3, "score": 1}', "1 | 3\n", "[2]: 7\n", "\ud800", "NaN"),
        *("[1, 7], [2, 9]", "[[1, 7], [2, 9e9]]", "(1, 7), ", "1=7, ", "1e99", " outranks ", "e.g. ", "³", "x", "; "),
    ]
)
MUTATED = st.lists(PIECES | st.text(max_size=5) | st.integers(-5, 120).map(lambda number: f"[{number}]"), max_size=60)
ANSWERS = st.one_of(MUTATED.map("".join), st.text())
COMPLETIONS = st.builds(
    Completion,
    text=ANSWERS | st.none(),
    finish_reason=st.sampled_from(["stop", "length", "content_filter", ""]),
    reasoning=st.none() | ANSWERS,
)
THINKING = st.sampled_from([None, Thinking(), Thinking(opened_by_template=True), Thinking(open="<a", close="a>")])


@settings(max_examples=10_000, deadline=None)
@given(COMPLETIONS, st.integers(1, 100), THINKING, st.sampled_from(PARSERS.names()))
def test_any_answer_gives_a_permutation(completion: Completion, n: int, thinking: Thinking | None, parser: str) -> None:
    answer = PARSERS.get(parser)().parse(completion, n, thinking)
    order = [position for group in answer.complete(n) for position in group]
    assert sorted(order) == list(range(n))
    positions = [position for group in answer.groups for position in group]
    assert len(set(positions)) == len(positions)
    whole = 1 if PARSERS.get(parser).reads == "best" else n  # passages that a usable answer names
    assert (answer.outcome in (Outcome.OK, Outcome.REPAIRED)) == (len(positions) == whole)
    assert (answer.outcome is Outcome.PARTIAL) == (0 < len(positions) < whole)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.permutations(range(12)), st.lists(st.sampled_from([" > ", " = ", ">", "=", " >\n"]), min_size=11, max_size=11)
)
def test_an_answer_in_the_asked_form_is_read_exactly(order: list[int], signs: list[str]) -> None:
    text = f"[{order[0] + 1}]" + "".join(
        f"{sign}[{position + 1}]" for sign, position in zip(signs, order[1:], strict=True)
    )
    groups = [[order[0]]]
    for sign, position in zip(signs, order[1:], strict=True):
        if "=" in sign:
            groups[-1].append(position)
        else:
            groups.append([position])
    answer = Ranking().parse(
        Completion(f"It is [3]… [1]?</think>\n{text}\n", "stop"), 12, Thinking(opened_by_template=True)
    )
    assert answer.groups == tuple(map(tuple, groups))
    assert answer.outcome is Outcome.OK


@settings(max_examples=EXAMPLES, deadline=None)
@given(ANSWERS.filter(lambda text: "</think>" not in text))
def test_a_thought_cut_off_is_never_read(thought: str) -> None:
    answer = Ranking().parse(Completion(thought, "length"), 20, Thinking(opened_by_template=True))
    assert answer.groups == ()
    assert answer.outcome in (Outcome.TRUNCATED, Outcome.REFUSED)


SIGNED = st.lists(st.tuples(st.sampled_from([" > ", " > ", ">", " = "]), st.integers(0, 12)), min_size=1, max_size=14)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SIGNED, st.integers(1, 10), st.sampled_from(["stop", "length", "content_filter"]))
def test_the_asked_form_on_one_line_is_read_as_over_several(
    items: list[tuple[str, int]], n: int, finish_reason: str
) -> None:
    text = "".join(f"{sign if number else ''}[{identifier}]" for number, (sign, identifier) in enumerate(items))
    one, several = (
        Ranking().parse(Completion(form, finish_reason), n, None) for form in (text, text.replace("]", "]\n"))
    )
    assert one == several
