"""A reranker's settings: flat in configuration files, checked together with preset and strategy before any job."""

import pytest
from pydantic import ValidationError

from rankk.config.reranker import Reranker
from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.fingerprint import _reachable
from rankk.fusion.base import FUSIONS
from rankk.fusion.borda import Borda
from rankk.fusion.rrf import ReciprocalRank
from rankk.reranking.cell import rerank_cell
from rankk.reranking.parsers.base import PARSERS
from rankk.reranking.parsers.digits import Digits
from rankk.reranking.presets import load_preset
from rankk.reranking.settings import resolve
from rankk.reranking.strategies.base import STRATEGIES
from rankk.reranking.strategies.groups import Groups
from rankk.reranking.strategies.pointwise import Pointwise
from rankk.reranking.strategies.sliding import Sliding


def test_a_strategys_settings_stand_beside_the_rerankers_own() -> None:
    reranker = Reranker(strategy="sliding", window=4, stride=2, depth=8)
    assert reranker.strategy == Sliding(window=4, stride=2)
    assert Reranker(strategy={"type": "sliding", "window": 4, "stride": 2}, depth=8) == reranker
    assert Reranker().strategy == Sliding(window=20, stride=10)
    assert Reranker(window=5, stride=5).strategy == Sliding(window=5, stride=5)
    assert Reranker(window=5).strategy == Sliding(window=5, stride=2)


def test_the_seed_is_that_of_sampling_and_of_the_strategy() -> None:
    reranker = Reranker(strategy="groups", seed=7)
    assert (reranker.seed, reranker.strategy) == (7, Groups(seed=7))


def test_a_pointwise_preset_has_the_pointwise_strategy() -> None:
    assert Reranker(preset="rank1").strategy == Pointwise()


def test_components_are_named_or_described() -> None:
    reranker = Reranker(parser="digits", samples=3, merge="borda", fusion={"type": "rrf", "weights": [0.7, 0.3]})
    assert (reranker.parser, reranker.merge) == (Digits(), Borda())
    assert reranker.fusion == ReciprocalRank(weights=[0.7, 0.3])
    assert resolve(Reranker(preset="rankzephyr")).parser == Digits()


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_what_is_written_of_a_reranker_makes_the_same_reranker(name: str) -> None:
    preset = "rank1" if STRATEGIES.get(name).kind == "pointwise" else "rank-k"
    reranker = Reranker(preset=preset, strategy=name, fusion="weighted", max_bad_outcomes=0.5, shards=2)
    assert Reranker(**reranker.model_dump(mode="json")) == reranker
    again = Reranker(**reranker.deciding(), max_bad_outcomes=0.5, shards=2)
    assert again.deciding() == reranker.deciding()
    assert (again.strategy, again.fusion, again.preset.messages) == (
        name_of(again),
        reranker.fusion,
        reranker.preset.messages,
    )


def name_of(reranker: Reranker):  # type: ignore[no-untyped-def]
    return STRATEGIES.get(reranker.strategy.name)()


def test_a_reworded_description_decides_nothing_and_another_prompt_does() -> None:
    preset = load_preset("listwise")
    reworded = preset.model_copy(update={"description": "x", "source": "y", "licence": "z", "deviations": "v"})
    other = preset.model_copy(update={"separator": "\n"})
    first, same, different = (Reranker(preset=each).deciding() for each in (preset, reworded, other))
    assert first == same
    assert first != different
    assert "preset" in first
    assert not {"max_bad_outcomes", "shards"} & first.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "slidding"}, "strategy: 'slidding': unknown strategy; expected one of acurank, "),
        ({"strategy": 3}, "strategy: 3: "),
        ({"strategy": {"type": [1]}}, "unknown strategy; expected one of "),
        ({"strategy": {"window": 3}}, "strategy: {'window': 3}: unknown strategy; expected one of "),
        ({"strategy": {"type": "sliding", "widow": 3}}, "strategy.widow: unknown key"),
        ({"top_k": 5}, "setwise, setwise-insertion, topdown, not of 'sliding'; leave"),
        ({"strategy": "single", "stride": 5}, "stride: is a setting of strategy passes, sliding, not of 'single'"),
        ({"preset": "rank1", "window": 5}, "not of 'pointwise'; leave it out"),
        ({"strategy": {"type": "single"}, "window": 5}, "not beside a strategy that is a mapping; leave it out"),
        ({"windows": 5}, "windows: unknown key"),
        ({"window": 1}, "window: 1: input should be greater than or equal to 2"),
        ({"window": 10**18}, "window: 1000000000000000000: input should be less than or equal to 100000"),
        ({"depth": 10**18}, "depth: 1000000000000000000: input should be less than or equal to 10000"),
        ({"samples": 10**9}, "samples: 1000000000: input should be less than or equal to 1000"),
        ({"temperature": float("inf")}, "temperature: inf: input should be a finite number"),
        ({"top_p": float("nan")}, "top_p: nan: input should be a finite number"),
        ({"window": 10, "stride": 11}, "window: 10 is smaller than stride 11"),
        ({"depth": 10}, "depth: 10 is smaller than window 20; expected depth >= window"),
        ({"strategy": "topdown", "window": 4}, "top_k: 10 is not smaller than window 4; expected top_k < window"),
        ({"strategy": "topdown", "budget": 4}, "budget: 4 is smaller than top_k 10; expected budget >= top_k"),
        ({"strategy": "tournament", "stages": [[5, 5]]}, "stages: [5, 5]: expected"),
        ({"strategy": "tournament", "stages": [[5]]}, "stages.0: [5]: list should have at least 2 items"),
        ({"strategy": "pointwise"}, "pointwise asks pointwise models, preset listwise is listwise; expected one of"),
        ({"preset": "rank1", "strategy": "single"}, "strategy: single asks listwise models, preset rank1 is pointwise; "
         "expected one of pointwise"),
        ({"preset": "rank1", "samples": 2}, "samples: 2: windows are sampled, and preset rank1 is pointwise"),
        ({"preset": "rankzephyr", "thinking_tokens": 5}, "thinking_tokens: 5: models of preset rankzephyr do not"),
        ({"shuffle": True}, "shuffle: true has no effect with one sample"),
        ({"parser": "guess"}, "parser: 'guess': unknown parser; expected one of best, digits, ends, first-token, "),
        ({"merge": "mean"}, "merge: 'mean': unknown fusion; expected one of borda, rrf, weighted"),
        ({"fusion": {"type": "rrf", "k": -1}}, "fusion.k: -1: input should be greater than or equal to 0"),
        ({"fusion": {"type": "rrf", "weights": [1.0]}}, "fusion.weights: [1.0]: expected 2 numbers, one a ranking"),
        ({"preset": "nope"}, "preset: 'nope': no such preset; expected one of best-worst, bge-reranker, "),
        ({"preset": {"name": "x"}}, "messages: expected either messages or text"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_with_key_and_value(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RankkError) as caught:
        validate_reranker({"model": "m", **settings}, "x.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_instance_is_validated_as_strictly_as_a_file() -> None:
    with pytest.raises(ValidationError):
        Reranker(preset="rank1", strategy=Sliding())


def test_the_code_of_a_cell_reaches_components_only_where_they_are_used() -> None:
    """An edit of a parser, strategy or fusion that a cell does not use runs no cell again."""
    own = _reachable(((rerank_cell.__module__, rerank_cell.__name__),))
    for registry in (PARSERS, STRATEGIES, FUSIONS):
        for component in registry.all().values():
            assert not any(text.startswith(f"{component.__name__}=") for text in own), component
