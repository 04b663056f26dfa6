"""Means, differences and p of rankk-mini from its values per query: python benchmarks/rankk_mini.py

Writes summary.csv and significance.csv beside measured/rankk-mini/per_query.csv. The families that Holm's correction
covers: `baseline`, every reranked cell against its first stage; `training`, rankk-mini without a thought against the
model that never learnt to grade; `thought`, grades against none in the same model.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from rankk.evaluation.statistics import compare, holm, mean_interval

FOLDER = Path(__file__).parent / "measured" / "rankk-mini"
MEASURE = "nDCG@10"
FAMILIES = {
    "training": [("rankk-mini-none", "plain")],
    "thought": [("rankk-mini", "rankk-mini-none"), ("rankk-mini-28", "rankk-mini-none")],
}


def main() -> None:
    """Read the values per query, write both tables."""
    cells: dict[tuple[str, str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    with (FOLDER / "per_query.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cells[row["collection"], row["language"], row["retriever"]][row["reranker"]][row["qid"]] = float(
                row[MEASURE]
            )
    summary, significance = [], []
    for cell, systems in cells.items():
        place = dict(zip(("collection", "language", "retriever"), cell, strict=True))
        values = {name: np.array([scores[qid] for qid in systems["none"]]) for name, scores in systems.items()}
        for name, scores in values.items():
            low, high = mean_interval(scores)
            figures = {"measure": MEASURE, "value": scores.mean(), "low": low, "high": high, "queries": len(scores)}
            summary.append(place | {"reranker": name} | figures)
        pairs = [("baseline", name, "none") for name in values if name != "none"]
        pairs += [(family, *pair) for family, listed in FAMILIES.items() for pair in listed if set(pair) <= set(values)]
        for family, ours, theirs in pairs:
            named = {"family": family, **place, "reranker": ours, "baseline": theirs, "measure": MEASURE}
            significance.append(named | compare(values[ours], values[theirs]))
    for family in ("baseline", *FAMILIES):
        members = [row for row in significance if row["family"] == family]
        for row, p in zip(members, holm([float(row["p_t"]) for row in members]), strict=True):
            row["p_t_holm"] = p
    for name, rows in (("summary", summary), ("significance", significance)):
        with (FOLDER / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows({k: f"{v:.6f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


if __name__ == "__main__":
    main()
