"""An experiment's budget of tokens: one equal share for each query of its cells.

The share becomes a setting of the rerankers (`tokens_per_query`) when the configuration is loaded, so that parameters
of jobs, manifests and the plan show it. It depends on the configuration alone, never on what is already built: a share
that changed while the workflow runs would make finished cells run again.
"""

from collections.abc import Iterator, Sequence

from rankk.errors import RankkError
from rankk.experiment import Experiment
from rankk.paths import Cell
from rankk.plan.costs import Cost, stated_queries
from rankk.reranking.strategies.base import STRATEGIES


def divided(experiment: Experiment, file: str) -> Experiment:
    """The experiment with the share of its `tokens` in each reranker that can keep to it and has no budget of its own.

    RankkError where no reranker can, where a number of queries is not stated, and where the share is less than a token.
    """
    if experiment.tokens is None:
        return experiment
    where = f"{file}: tokens: {experiment.tokens}"
    experiment._sharing = frozenset(cell.reranker for cell in experiment.asking if _shares(experiment, cell))
    if not (cells := experiment.sharing):
        can = ", ".join(name for name, strategy in STRATEGIES.all().items() if strategy.anytime)
        raise RankkError(f"{where}: no cell shares it; expected a reranker without a budget, and of strategy {can}")
    queries = sum(_stated(experiment, cell, where) for cell in cells)
    if not (share := experiment.tokens // queries):
        raise RankkError(f"{where}: less than a token for each of the {queries:,} queries of {len(cells)} cells")
    shared = {
        name: experiment.rerankers[name].model_copy(update={"tokens_per_query": share}) for name in experiment._sharing
    }
    return experiment.model_copy(update={"rerankers": experiment.rerankers | shared})


def lines(experiment: Experiment, costs: Sequence[Cost]) -> Iterator[str]:
    """The plan's lines about an experiment's budget, if it has one."""
    if experiment.tokens is None:
        return
    cells = experiment.sharing
    share = experiment.rerankers[cells[0].reranker].tokens_per_query
    planned = sum(each.prompt_tokens + each.output_tokens for each in costs if each.cell in cells)
    yield f"budget: {experiment.tokens:,} tokens, {share:,} for each query of {len(cells)} cells"
    yield f"planned of the budget: {planned:.2f} M"
    if planned * 1e6 > experiment.tokens:
        yield "warning: the calls that every query needs take more than the budget"


def _shares(experiment: Experiment, cell: Cell) -> bool:
    reranker = experiment.rerankers[cell.reranker]
    return reranker.strategy.anytime and reranker.tokens is None and reranker.tokens_per_query is None


def _stated(experiment: Experiment, cell: Cell, where: str) -> int:
    queries = stated_queries(experiment.collections[cell.collection], cell.language)
    if queries is None:
        raise RankkError(
            f"{where}: collections.{cell.collection} does not say how many queries there are to share it; set "
            "expected_queries or max_queries there"
        )
    return queries
