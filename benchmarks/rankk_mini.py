"""Tables and figures of rankk-mini from its values per query: RANKK_DATA=… python benchmarks/rankk_mini.py [RESULTS]

RESULTS: the folder of the experiment of config/rankk-mini.yaml (results/experiments/rankk-mini); its values per query
are copied to measured/rankk-mini/per_query.csv first. The script then writes summary.csv, significance.csv and
difficulty.csv beside that file, and draws docs/figures/scaling.png and languages.png. Every family of comparisons is
corrected by itself (Holm): `baseline`, every reranked cell against its first stage; `thought` and `samples`, settings
of the same model against each other, per collection and pooled; `language`, queries in another language against the
same topics in English; `training`, rankk-mini without a thought against the model that never learnt to grade
(training.csv, measured on 25 November 2026); `encoder`, rankk-mini against all-MiniLM-L6-v2 on the same lists.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rankk.config.loading import load
from rankk.evaluation.statistics import compare, holm, mean_interval
from rankk.report.evidence import Evidence
from rankk.report.figures import FIGURES
from rankk.report.style import STYLE, pyplot, save_image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "measured" / "rankk-mini"
MEASURE = "nDCG@10"
POOLS = {
    "unseen": [("squad-amazon-400", "bm25"), ("gimp-help-300", "bm25")],
    "development": [
        ("dl19", "BM25"),
        ("mini", "bm25-english-queries"),
        ("libreoffice-help-200", "bm25-english-queries"),
    ],
}
"""Collections with English queries, and their first stages. Of `unseen`, queries that an earlier figure or choice used
are left out: those of training.csv and those that looked_at.csv lists."""
FAMILIES = {
    "thought": [("rankk-mini-28", "rankk-mini-none"), ("rankk-mini", "rankk-mini-none")],
    "samples": [
        ("rankk-mini-none-x4", "rankk-mini-none"),
        ("rankk-mini-none-x8", "rankk-mini-none"),
        ("rankk-mini-x4", "rankk-mini"),
        ("rankk-mini-x8", "rankk-mini"),
        ("rankk-mini-x4", "rankk-mini-none-x4"),
        ("rankk-mini-x8", "rankk-mini-none-x8"),
    ],
}
ENCODER = [
    ("dl19", "BM25", "rankk-mini-none", "minilm"),
    ("dl19", "BM25", "rankk-mini-none-top50", "minilm-top50"),
    ("squad-amazon-400", "bm25", "rankk-mini-none", "minilm-top20"),
    ("gimp-help-300", "bm25", "rankk-mini-none", "minilm-top20"),
]
"""Collection, first stage, reranker, and the retriever that rescores the same passages with MiniLM."""
ENCODER_POOLED = "minilm-top20"
"""The retriever of both unseen collections."""
QUARTERS = ("rankk-mini-none", "rankk-mini-28", "rankk-mini", "rankk-mini-none-x8", "rankk-mini-x8")

STAGE = ("collection", "language", "retriever")
Stage = tuple[str, str, str]
"""Values of `STAGE`."""
Values = dict[str, dict[str, float]]
"""Values by reranker and query."""


def main(results: str | None = None) -> None:
    """Copy an experiment's values where one is named; write the tables."""
    if results:
        copy(Path(results))
    looked_at = {row["qid"] for row in rows("looked_at.csv")}
    looked_at |= {row["qid"] for row in rows("training.csv") if row["collection"] in ("squad-amazon", "gimp-help")}
    stages = read("per_query.csv")
    pools = {(name, "eng", "pooled"): pooled(stages, members, looked_at) for name, members in POOLS.items()}
    compared = list(baselines({**stages, **pools}))
    for family, pairs in FAMILIES.items():
        compared += [
            row(family, stage, ours, theirs, values)
            for stage, values in [*stages.items(), *pools.items()]
            for ours, theirs in pairs
            if {ours, theirs} <= set(values)
        ]
    compared += languages(stages)
    trained = read("training.csv")
    compared += [
        row("training", stage, "rankk-mini-none", "plain", v)
        for stage, v in trained.items()
        if "plain" in v and "rankk-mini-none" in v
    ]
    rescored = [(collection, ENCODER_POOLED) for collection, _ in POOLS["unseen"]]
    pools["unseen", "eng", "pooled"][ENCODER_POOLED] = pooled(stages, rescored, looked_at)["none"]
    compared += encoder(stages, pools)
    for family in dict.fromkeys(entry["family"] for entry in compared):
        members = [entry for entry in compared if entry["family"] == family]
        for entry, p in zip(members, holm([float(entry["p_t"]) for entry in members]), strict=True):
            entry["p_t_holm"] = p
    write("significance.csv", compared)
    write("summary.csv", means([*stages.items(), *pools.items()]))
    write("difficulty.csv", quarters(pools))
    draw()


def rows(file: str) -> Iterator[dict[str, str]]:
    """Rows of a file of the folder."""
    with (FOLDER / file).open(encoding="utf-8") as opened:
        yield from csv.DictReader(opened)


def read(file: str) -> dict[Stage, Values]:
    """Values per query of a file."""
    stages: dict[Stage, Values] = defaultdict(lambda: defaultdict(dict))
    for entry in rows(file):
        stage = (entry["collection"], entry["language"], entry["retriever"])
        stages[stage][entry["reranker"]][entry["qid"]] = float(entry[MEASURE])
    return stages


def copy(experiment: Path) -> None:
    """Values of the measure, one row a cell and query."""
    with (experiment / "per_query.csv").open(encoding="utf-8") as opened:
        kept = [entry for entry in csv.DictReader(opened) if entry["measure"] == MEASURE]
    names = (*STAGE, "reranker", "qid")
    write("per_query.csv", ({name: entry[name] for name in names} | {MEASURE: float(entry["value"])} for entry in kept))
    with (experiment / "summary.csv").open(encoding="utf-8") as opened:
        kept = [entry for entry in csv.DictReader(opened) if entry["measure"] == MEASURE and entry["output_tokens"]]
    counted = ("calls", "usable_share", "output_tokens", "queries_reranked")
    write("tokens.csv", ({name: entry[name] for name in (*names[:4], *counted)} for entry in kept))


def pooled(stages: Mapping[Stage, Values], members: Iterable[tuple[str, str]], looked_at: set[str]) -> Values:
    """Values of several collections as one, of rerankers that all of them have; without queries looked at before."""
    parts = [(collection, stages[collection, "eng", retriever]) for collection, retriever in members]
    common = [name for name in parts[0][1] if all(name in values for _, values in parts)]
    return {
        name: {
            f"{collection}/{qid}": value
            for collection, values in parts
            for qid, value in values[name].items()
            if qid not in looked_at
        }
        for name in common
    }


def row(family: str, stage: Stage, ours: str, theirs: str, values: Values) -> dict[str, Any]:
    """One comparison over the queries of both."""
    qids = list(values[theirs])
    named = dict(zip(STAGE, stage, strict=True))
    pair = [np.array([values[name][qid] for qid in qids]) for name in (ours, theirs)]
    return {"family": family, **named, "reranker": ours, "baseline": theirs, "measure": MEASURE} | compare(*pair)


def baselines(stages: Mapping[Stage, Values]) -> Iterator[dict[str, Any]]:
    """Every reranked cell against its first stage."""
    for stage, values in stages.items():
        yield from (row("baseline", stage, name, "none", values) for name in values if name != "none")


def languages(stages: Mapping[Stage, Values]) -> Iterator[dict[str, Any]]:
    """Queries in other languages against the same topics in English, from the same first stage."""
    for (collection, language, retriever), values in stages.items():
        english = stages.get((collection, "eng", retriever), {})
        if language == "eng" or retriever != "bm25-english-queries":
            continue
        for name in (name for name in values if name in english and name != "none"):
            both = {"eng": {qid: english[name][qid] for qid in values[name]}, language: values[name]}
            yield row("language", (collection, language, retriever), language, "eng", both) | {
                "reranker": name,
                "baseline": f"{name}, English",
            }


def encoder(stages: Mapping[Stage, Values], pools: Mapping[Stage, Values]) -> Iterator[dict[str, Any]]:
    """rankk-mini without a thought against MiniLM, per collection and pooled over the unseen queries."""
    for collection, retriever, name, rescored in ENCODER:
        ours, theirs = stages[collection, "eng", retriever][name], stages[collection, "eng", rescored]["none"]
        yield row("encoder", (collection, "eng", retriever), name, rescored, {name: ours, rescored: theirs})
    unseen = ("unseen", "eng", "pooled")
    yield row("encoder", unseen, "rankk-mini-none", ENCODER_POOLED, pools[unseen])


def means(stages: Iterable[tuple[Stage, Values]]) -> Iterator[dict[str, Any]]:
    """Means with their intervals."""
    for stage, values in stages:
        for name, scores in values.items():
            array = np.array(list(scores.values()))
            low, high = mean_interval(array)
            named = dict(zip(STAGE, stage, strict=True)) | {"reranker": name}
            yield named | {"measure": MEASURE, "value": array.mean(), "low": low, "high": high, "queries": len(array)}


def quarters(pools: Mapping[Stage, Values]) -> Iterator[dict[str, Any]]:
    """Differences to no thought in quarters of the queries by the first stage's value, the hardest first."""
    for stage, values in pools.items():
        ordered = sorted(values["none"], key=values["none"].__getitem__)
        for number, part in enumerate(np.array_split(np.array(ordered, dtype=object), 4), 1):
            for name in QUARTERS:
                chosen = {system: {qid: values[system][qid] for qid in part} for system in values}
                baseline = "none" if name == QUARTERS[0] else QUARTERS[0]
                yield {"quarter": number} | row("difficulty", stage, name, baseline, chosen)


def draw() -> None:
    """Draw scaling (all first stages) and languages (the model without a thought) with the experiment's titles."""
    experiment = load(ROOT / "config" / "rankk-mini.yaml")
    key = [*STAGE, "reranker"]
    summary = pd.read_csv(FOLDER / "summary.csv").query("retriever != 'pooled'")
    summary = summary[~summary["retriever"].str.startswith("minilm")]  # nothing reranks these lists
    summary = summary.merge(pd.read_csv(FOLDER / "tokens.csv"), on=key, how="left")
    same = summary["retriever"].eq("bm25") & summary["language"].eq("eng")  # where the queries are English anyway
    searched = summary.assign(retriever=summary["retriever"].mask(same, "bm25-english-queries"))
    searched = searched[searched["retriever"].eq("bm25-english-queries")]
    several = searched.groupby("collection")["language"].transform("nunique").gt(1)
    short = searched[several & searched["reranker"].isin(["none", "rankk-mini-none"])]
    languages = {name: experiment.language_of(name) for name in summary["collection"].unique()}
    for name, rows in (("scaling", summary), ("languages", short)):
        evidence = Evidence({}, languages, experiment.titles, test_time=experiment.test_time)
        vars(evidence)["summary"] = rows
        with pyplot().style.context(STYLE):
            save_image(FIGURES.get(name)().draw(evidence).figure, ROOT / "docs" / "figures" / f"{name}.png")


def write(file: str, entries: Iterable[Mapping[str, Any]]) -> None:
    """A table of the folder; floats with six decimals."""
    listed = list(entries)
    with (FOLDER / file).open("w", encoding="utf-8", newline="") as opened:
        table = csv.DictWriter(opened, list(listed[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({k: f"{v:.6f}" if isinstance(v, float) else v for k, v in entry.items()} for entry in listed)


if __name__ == "__main__":
    main(*sys.argv[1:])
