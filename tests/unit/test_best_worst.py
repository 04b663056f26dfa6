"""Preset best-worst, its parser and strategy dualend."""

import pytest

from rankk.api import rerank
from rankk.config.reranker import Reranker
from rankk.llm.types import Completion, Thinking
from rankk.reranking.parsers.ends import Ends
from rankk.reranking.presets import load_preset
from rankk.reranking.prompts import render
from rankk.reranking.types import Outcome

from ..fake_server import FakeServer, Reply, chat


def test_the_prompt_asks_for_two_passages() -> None:
    (message,) = render(load_preset("best-worst"), "Q", ["P", "R"]).messages
    assert message.content.startswith(
        "Here are 2 passages. Which of them answers a search query best, and which answers"
    )
    assert "\n\nQuery: Q\n\n[1] P\n\n[2] R\n\nThe query again: Q\n\n" in message.content
    assert message.content.endswith("Write one line and nothing else, as in: Best: [2], Worst: [1]")


@pytest.mark.parametrize(
    ("text", "best", "worst", "outcome", "repairs"),
    [
        ("Best: [3], Worst: [7]", 3, 7, Outcome.OK, ()),
        ("Hm.\n</think>\n\nbest: [3], worst: [7].", 3, 7, Outcome.OK, ()),
        ("**Best:** 3, **Worst:** Passage 7", 3, 7, Outcome.REPAIRED, ("prose",)),
        ("The most relevant passage is [3]; the least relevant one is [7].", 3, 7, Outcome.REPAIRED, ("prose",)),
        ("Best: [1]? No. Best: [3], Worst: [7]", 3, 7, Outcome.REPAIRED, ("prose",)),
        ("[3] > [1] > [7]", 3, 7, Outcome.REPAIRED, ("format",)),
        ("3, 7", 3, 7, Outcome.REPAIRED, ("format",)),
        ("Best: [3]", 3, None, Outcome.PARTIAL, ("prose",)),
        ("Best: [3], Worst: [3]", 3, None, Outcome.PARTIAL, ("duplicate",)),
        ("Best: [3], Worst: [70]", 3, None, Outcome.PARTIAL, ("out of range",)),
        ("Best: [70], Worst: [3]", None, None, Outcome.EMPTY, None),
        ("Worst: [3]", None, None, Outcome.EMPTY, None),
        ("I cannot help with that.", None, None, Outcome.REFUSED, None),
    ],
)
def test_forms_of_answers(
    text: str, best: int | None, worst: int | None, outcome: Outcome, repairs: tuple[str, ...] | None
) -> None:
    answer = Ends().parse(Completion(text, "stop"), 8, Thinking())
    order = [position + 1 for group in answer.complete(8) for position in group]
    assert answer.outcome is outcome
    assert repairs is None or answer.repairs == repairs
    assert order[0] == (best or 1)
    assert order[-1] == (worst or 8)
    assert order[1:-1] == sorted(order[1:-1]), "the others keep their order"


def test_a_number_that_may_have_lost_a_digit_is_not_used() -> None:
    answer = Ends().parse(Completion("Best: [3], Worst: [1", "length"), 20, None)
    assert (answer.groups, answer.outcome, answer.repairs) == (((2,),), Outcome.PARTIAL, ("cut off", "prose"))


def test_the_preset_is_asked_by_dualend_and_by_strategies_that_need_less() -> None:
    assert Reranker(preset="best-worst").strategy.name == "dualend"
    assert Reranker(preset="best-worst", strategy="setwise").strategy.name == "setwise"
    assert Reranker(preset="listwise", strategy="dualend").strategy.name == "dualend"
    for preset, needed, read in (("best-worst", "order", "best and worst passage"), ("rank-r1", "best and", "best ")):
        with pytest.raises(ValueError, match=f"needs the {needed}.* of a window, parser .* reads its {read}"):
            Reranker(preset=preset, strategy="sliding" if preset == "best-worst" else "dualend")


def test_every_call_fills_the_ranking_from_both_ends() -> None:
    first = {"q": [(docid, -rank) for rank, docid in enumerate("abcde")]}
    replies = [Reply(chat(text)) for text in ("Best: [4], Worst: [1]", "Best: [3], Worst: [1]")]
    with FakeServer(replies=replies) as server:
        settings = {"preset": "best-worst", "model": "fake", "backend": "openai", "base_url": server.url}
        result = rerank(first, {"q": "query"}, dict(zip("abcde", "ABCDE", strict=True)), reranker=settings)
    assert [hit.docid for hit in result.run["q"]] == ["d", "e", "c", "b", "a"]
    assert [call.window.split() for call in result.calls] == [list("abcde"), list("bce")]
