"""The last lines that a finished experiment prints: its headline numbers and the page to open."""

from pathlib import Path

from rankk.evaluation.experiment import COLUMNS
from rankk.io.files import read_json
from rankk.paths import FIRST_STAGE
from rankk.report.evidence import ALPHA, Evidence
from rankk.report.home import differences, verdicts

AFFECTS_RESULTS = False


def closing(folder: str | Path) -> list[str]:
    """Five lines, fewer where less than two reranked cells are compared. `folder`: of a finished experiment."""
    folder = Path(folder)
    experiment = read_json(folder / "experiment.json")["experiment"]
    entries = {**experiment["collections"], **experiment["retrievers"], **experiment["rerankers"]}
    names = {name: entry["title"] for name, entry in entries.items() if entry.get("title")}
    evidence = Evidence({table: str(folder / f"{table}.csv") for table in COLUMNS}, names=names)
    compared = differences(evidence)
    better, worse, equal = verdicts(compared)
    counted = f"{len(compared)} reranked {'cell' if len(compared) == 1 else 'cells'}"
    tested = f"{better} better, {worse} worse, {equal} neither (p < {ALPHA}, Holm)"
    lines = [f"{experiment['experiment']}: {counted}: {tested}"]
    rows = compared.to_dict("records")
    extremes = [("highest", rows[0]), ("lowest", rows[-1])] if len(rows) > 1 else [("change", row) for row in rows]
    for what, row in extremes:
        lines.append(
            f"  {what:7} {row['difference']:+.3f} {row['measure']} "
            f"[{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]  {evidence.described(row)}"
        )
    cells = evidence.summary[evidence.summary["reranker"] != FIRST_STAGE]
    if calls := int(cells["calls"].sum()):
        usable = (cells["usable_share"] * cells["calls"]).sum() / calls
        tokens = cells["output_tokens"].sum()  # 0 where answers were stored without their tokens
        generated = f", {tokens:,.0f} generated tokens" if tokens else ""
        lines.append(f"  {calls:,} calls, {usable:.1%} usable{generated}")
    return [*lines, f"Open {folder / 'index.html'}"]
