"""A budget of tokens for a whole experiment: what each cell gets of it."""

import re

import pytest
import yaml

from rankk.config.loading import load
from rankk.errors import RankkError
from rankk.plan.costs import costs
from rankk.plan.table import table
from rankk.stages import Stages

from ..conftest import MINI, mini_collection

ADAPTIVE = {"preset": "listwise", "model": "m", "strategy": "adaptive", "matches": 20}
SLIDING = {"preset": "listwise", "model": "m"}
OF_DATASET = {"source": "ir-datasets", "dataset": "beir/nfcorpus/test", "language": "eng"}
BUDGET = 1_000_000


@pytest.fixture
def loaded(tmp_path):
    """Loads an experiment of two rerankers and a collection of forty queries, with changes."""

    def of(grid=None, **changes):
        config = {
            "experiment": "budget",
            "tokens": BUDGET,
            "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["bm25"], "rerankers": ["one", "two"]}],
            "collections": {"c": mini_collection()},
            "retrievers": {"bm25": {"type": "bm25"}},
            "rerankers": {"one": ADAPTIVE, "two": ADAPTIVE | {"seed": 1}},
        }
        config["grid"][0] |= grid or {}
        (tmp_path / "budget.yaml").write_text(yaml.safe_dump(config | changes))
        return load(tmp_path / "budget.yaml")

    return of


def shares(experiment):
    return {name: reranker.tokens_per_query for name, reranker in experiment.rerankers.items()}


def test_every_query_of_every_cell_has_the_same_share(loaded):
    assert shares(loaded()) == {"one": BUDGET // 80, "two": BUDGET // 80}
    both = {"c": mini_collection(), "d": mini_collection(max_queries=5)}
    assert shares(loaded({"collections": ["c", "d"]}, collections=both)) == dict.fromkeys(("one", "two"), BUDGET // 90)


def test_a_cell_that_is_added_lowers_the_shares_of_the_others(loaded):
    assert shares(loaded({"rerankers": ["one"]}))["one"] == BUDGET // 40
    assert shares(loaded())["one"] == BUDGET // 80


def test_an_experiment_without_a_budget_gives_none(loaded):
    assert shares(loaded(tokens=None)) == {"one": None, "two": None}


@pytest.mark.parametrize("own", [{"tokens": 5000}, {"tokens_per_query": 70}])
def test_a_reranker_with_a_budget_of_its_own_keeps_it_and_takes_nothing_from_the_others(loaded, own):
    experiment = loaded(rerankers={"one": ADAPTIVE, "two": ADAPTIVE | own})
    assert shares(experiment) == {"one": BUDGET // 40, "two": own.get("tokens_per_query")}
    assert [cell.reranker for cell in experiment.sharing] == ["one"]


def test_a_strategy_that_cannot_end_is_a_warning_and_takes_no_share(loaded):
    experiment = loaded(rerankers={"one": ADAPTIVE, "two": SLIDING})
    assert shares(experiment) == {"one": BUDGET // 40, "two": None}
    told = f"tokens: {BUDGET}: rerankers.two: strategy sliding makes all its calls, so that its cells take tokens"
    assert [text for text in experiment.warnings if text.startswith(told)]
    assert f"warning: {told}" in " ".join(table(experiment, list(costs(experiment))).split())
    assert loaded(rerankers={"one": ADAPTIVE, "two": SLIDING}, tokens=None).warnings == []


def test_stored_answers_take_no_share_and_no_warning(loaded, tmp_path):
    (tmp_path / "answers.jsonl").write_text("")
    stored = {"backend": "replay", "responses": str(tmp_path / "answers.jsonl"), "strategy": "sliding"}
    experiment = loaded(rerankers={"one": ADAPTIVE, "two": stored})
    assert shares(experiment) == {"one": BUDGET // 40, "two": None}
    assert experiment.warnings == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rerankers": {"one": SLIDING, "two": SLIDING | {"seed": 1}}}, "no cell shares it; expected a reranker"),
        ({"tokens": 79}, "less than a token for each of the 80 queries of 2 cells"),
        ({"collections": {"c": OF_DATASET}}, "collections.c does not say how many queries there are to share it; set"),
    ],
)
def test_a_budget_that_cannot_be_divided_is_an_error(loaded, changes, message):
    with pytest.raises(RankkError, match=rf"budget\.yaml: tokens: \d+: {re.escape(message)}"):
        loaded(**changes)


@pytest.mark.parametrize(
    ("stated", "queries"),
    [({"expected_queries": 323}, 323), ({"expected_queries": 323, "max_queries": 10}, 10), ({"max_queries": 10}, 10)],
)
def test_a_number_that_the_definition_states_is_enough(loaded, stated, queries):
    experiment = loaded({"rerankers": ["one"]}, collections={"c": OF_DATASET | stated})
    assert shares(experiment)["one"] == BUDGET // queries


def test_translated_queries_are_as_many_as_those_that_they_are_made_from(loaded):
    collection = mini_collection(translations={"deu": {"source": "eng", "translator": "t"}})
    experiment = loaded(
        {"languages": ["eng", "deu"], "rerankers": ["one"]},
        collections={"c": collection},
        translators={"t": {"model": "m"}},
    )
    assert shares(experiment)["one"] == BUDGET // 80


def test_what_is_already_built_changes_no_share(loaded, tmp_path, monkeypatch):
    before = shares(loaded())
    monkeypatch.chdir(tmp_path)
    built = tmp_path / "results/collections/c/queries.eng.tsv"
    built.parent.mkdir(parents=True)
    built.write_text("".join((MINI / "queries.eng.tsv").read_text().splitlines(keepends=True)[:7]))
    assert shares(loaded()) == before


def test_jobs_and_the_plan_show_the_share(loaded):
    experiment = loaded()
    params = Stages(experiment).rerank_params
    assert {name: of["settings"]["tokens_per_query"] for name, of in params.items()} == shares(experiment)
    text = table(experiment, list(costs(experiment)))
    assert "budget: 1,000,000 tokens, 12,500 for each query of 2 cells" in text
    assert "warning: the calls that every query needs take more than the budget" in text
    enough = loaded(tokens=10**8)
    assert "warning" not in table(enough, list(costs(enough)))


def test_a_reranker_has_one_kind_of_budget(loaded):
    with pytest.raises(RankkError, match=r"rerankers\.one\.tokens_per_query: is given beside tokens"):
        loaded(rerankers={"one": ADAPTIVE | {"tokens": 5000, "tokens_per_query": 70}, "two": ADAPTIVE})
    with pytest.raises(RankkError, match="tokens_per_query: 70: strategy sliding makes all its calls; expected one of"):
        loaded(rerankers={"one": ADAPTIVE, "two": SLIDING | {"tokens_per_query": 70}})
