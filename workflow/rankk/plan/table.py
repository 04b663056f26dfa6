"""The plan as text, 80 columns wide."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from textwrap import fill

from rankk.experiment import Experiment
from rankk.grouping import families
from rankk.plan import budget
from rankk.plan.costs import Cost

LABEL = 31  # columns
WIDTH = 80
HEAD = f"{'':{LABEL}} {'calls':>10} {'prompt M':>8} {'output M':>8} {'flight':>6} {'hours':>5} {'GPU-h':>6}"
ASSUMPTIONS = """\
Assumed: passages as long as they may be (passage_tokens); answers of 2,400 tokens for 32B reasoning models, 600 for
7B ones and 110 without reasoning, or the thinking budget where that is shorter, their lengths lognormal; random
answers where answers decide how many calls there are. Times are simulated call by call with speeds that were measured
with Qwen2.5-32B's shape on the GPU named (benchmarks/README.md); the weights' part is scaled by parameters, the KV
cache's by its bytes; no model takes less than 2.4 ms a step and 10 ms a thousand prompt tokens. GPUs that hold one
copy together (tensor_parallel) compute 1.7 times as fast as half as many, as measured with two. "flight": calls in
flight. Engine starts and first stages are not counted."""


def table(experiment: Experiment, costs: Sequence[Cost]) -> str:
    """A row per cell, subtotals by collection and query language and by family, the sum, warnings and assumptions."""
    family = families(experiment.collections)
    lines = [HEAD]
    for name, members in _groups(costs, lambda each: family[each.cell.collection]):
        stages = _groups(members, lambda each: f"{each.cell.collection}/{each.cell.language}")
        for where, cells in stages:
            lines += _sum(f"{where}: {len(cells)} cells", cells) if len(cells) > 1 else [where]
            for each in cells:
                label = f"  {each.cell.retriever}/{each.cell.reranker}"
                lines += _row(label, each.calls, each.prompt_tokens, each.output_tokens, each.in_flight, [each])
        if len(stages) > 1:
            lines += _sum(f"{name}: {len(members)} cells", members)
    lines += ["", *_sum(f"all {len(costs)} reranked cells", costs)]
    lines += budget.lines(experiment, costs)
    if unknown := sum(each.hours is None for each in costs):
        lines.append(f"{unknown} cells of unknown cost are left out of the hours")
    lines += [fill(f"warning: {text}", WIDTH) for text in experiment.warnings]
    lines += [fill(f"warning: {each.cell}: {each.warning}", WIDTH) for each in costs if each.warning]
    return "\n".join([*lines, "", f"GPU: {experiment.gpu}", fill(ASSUMPTIONS, WIDTH)])


def _groups(costs: Iterable[Cost], key: Callable[[Cost], str]) -> list[tuple[str, list[Cost]]]:
    """Cells by a name, in the order in which the names come first."""
    groups: dict[str, list[Cost]] = {}
    for each in costs:
        groups.setdefault(key(each), []).append(each)
    return list(groups.items())


def _sum(label: str, members: Sequence[Cost]) -> list[str]:
    prompt, output = (sum(getattr(each, name) for each in members) for name in ("prompt_tokens", "output_tokens"))
    return _row(label, sum(each.calls for each in members), prompt, output, None, members)


def _row(
    label: str, calls: int, prompt: float, output: float, in_flight: int | None, members: Iterable[Cost]
) -> list[str]:
    """One line, or two where the label is long."""
    known = [each for each in members if each.hours is not None]
    hours = [sum(each.hours or 0.0 for each in known), sum(each.gpu_hours or 0.0 for each in known)] if known else []
    texts = [_number(value) for value in hours] or ["?", "?"]
    flight = "" if in_flight is None else str(in_flight or "?")
    numbers = f"{calls:10,} {_number(prompt):>8} {_number(output):>8} {flight:>6} {texts[0]:>5} {texts[1]:>6}"
    return [f"{label:{LABEL}} {numbers}"] if len(label) <= LABEL else [label, f"{'':{LABEL}} {numbers}"]


def _number(value: float) -> str:
    """Two decimals for small numbers, none for large ones."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{ceil(value):,}"
