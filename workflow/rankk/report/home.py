"""The page of an experiment in one file: headline, every cell with a link to its answers, figures and tables."""

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from rankk import paths
from rankk.evaluation.experiment import DECLARED
from rankk.io.files import atomic_write
from rankk.report.evidence import ALPHA, CELL, Evidence
from rankk.report.figures import FIGURES
from rankk.report.formats import MISSING, fields, latex
from rankk.report.matrix import matrix
from rankk.report.progress import Progress, State, summary
from rankk.report.tables import TABLES
from rankk.report.tables.base import Filled

TEMPLATE = Path(__file__).with_name("home.html")


def write_home(
    output: str | Path,
    evidence: Evidence,
    *,
    figures: Sequence[str],
    tables: Mapping[str, Filled],
    folder: str | Path,
    facts: Mapping[str, Any],
    here: str = "",
    states: Mapping[paths.Cell, Progress] | None = None,
) -> None:
    """Write the page.

    `figures` are names; `folder` holds their files, already drawn. `tables`: filled, by name. `facts`: the
    configuration under "experiment" and what it ran with under "provenance". `here`: the page's folder, from which
    links lead to the cells' pages; default: the experiment's. `states`: of all cells, where some are not done.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    configuration = facts["experiment"]
    here = here or paths.experiment(configuration["experiment"])
    unfinished = states is not None
    rows = cells(evidence)
    for row in rows:
        there = row["page"] and (not unfinished or Path(row["page"]).is_file())
        row["page"] = _relative(row["page"], here) if there else ""
    by_cell = {row["cell"]: row for row in rows}
    states = states or dict.fromkeys(by_cell, Progress(State.DONE))
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=configuration["experiment"],
        description=configuration["description"],
        headline=headline(evidence),
        unfinished=summary(states) if unfinished else "",
        written=time.strftime("%Y-%m-%d %H:%M"),
        attention=[(evidence.described(asdict(cell)), state) for cell, state in states.items() if _attention(state)],
        matrix=matrix(list(states), by_cell, states, evidence.shown),
        rows=rows,
        figures=[_figure(Path(folder), name) for name in figures],
        tables=[_table(table, name) for name, table in tables.items()],
        again=next((row["run"] for row in rows if row["page"]), ""),
        facts=json.dumps(facts, indent=2, ensure_ascii=False),
    )
    with atomic_write(output) as file:
        file.write(text)


def headline(evidence: Evidence) -> list[str]:
    """What the reranked cells gain over their baselines: counts of significant differences, and the two extremes."""
    compared = differences(evidence)
    if compared.empty:
        return ["No reranked cell of this experiment is compared with a baseline."]
    better, worse, equal = verdicts(compared)
    sentences = [
        f"Of {len(compared)} reranked {'cell' if len(compared) == 1 else 'cells'}, {better} "
        f"{'is' if better == 1 else 'are'} significantly better than the baseline and {worse} significantly worse; "
        f"{equal} show no significant difference (paired t-test, p\u00a0<\u00a0{ALPHA} after Holm's "
        "correction over the experiment)."
    ]
    rows = compared.to_dict("records")
    extremes = {"highest difference": rows[0], "lowest difference": rows[-1]}
    for what, row in (extremes if len(rows) > 1 else {"difference": rows[0]}).items():
        sentences.append(
            f"The {what} is {_number(row['difference'], '+.3f')} {row['measure']} (95\u00a0% "
            f"{_interval(row['difference_low'], row['difference_high'], '+.3f')}): {evidence.described(row)}."
        )
    return sentences


def differences(evidence: Evidence) -> pd.DataFrame:
    """A row a reranked cell that is compared with its baseline, the highest difference first."""
    compared = evidence.significance
    compared = compared[compared["family"] == DECLARED].dropna(subset=["difference"])
    return compared.sort_values("difference", ascending=False, kind="stable")


def verdicts(compared: pd.DataFrame) -> tuple[int, int, int]:
    """How many of the rows are significantly better, significantly worse, and neither."""
    significant, difference = compared["p_t_holm"] < ALPHA, compared["difference"]
    better, worse = int((significant & (difference > 0)).sum()), int((significant & (difference < 0)).sum())
    return better, worse, len(compared) - better - worse


def cells(evidence: Evidence) -> list[dict[str, Any]]:
    """One row per cell for the grid's table: texts for people, with numbers to sort by."""
    compared = evidence.significance
    compared = compared[compared["family"] == DECLARED]
    columns = [*CELL, "difference", "difference_low", "difference_high"]
    rows = evidence.summary.merge(compared[columns], on=CELL, how="left")
    listed = []
    for row in rows.to_dict("records"):
        cell = paths.Cell(*(row[name] for name in CELL))
        difference, p = row["difference"], row["p_t_holm"]
        kind = "" if pd.isna(p) or p >= ALPHA else "up" if difference > 0 else "down"
        listed.append(
            {
                "cell": cell,
                "name": evidence.described(row),
                **{name: evidence.shown(row[name]) for name in CELL},
                "measure": row["measure"],
                "value": _number(row["value"], ".3f"),
                "interval": _interval(row["low"], row["high"], ".3f"),
                "difference": _number(difference, "+.3f"),
                "difference_interval": _interval(row["difference_low"], row["difference_high"], "+.3f"),
                "p": "< 0.001" if p < 0.001 else _number(p, ".3f"),
                "kind": kind,
                "queries": f"{row['queries']:.0f}",
                "missing": f"{row['missing']:.0f}",
                "calls": _number(row["calls"], ".0f"),
                "usable": _number(row["usable_share"], ".1%"),
                "tokens": _number(row["output_tokens"], ".0f"),
                "page": cell.page if cell.reranked else "",
                "run": cell.run,
            }
        )
    return listed


def comparable(evidence: Evidence, here: str) -> list[dict[str, Any]]:
    """The reranked cells for the page that compares them (`write_comparison`), which is in the folder `here`."""
    cells = [paths.Cell(*row) for row in evidence.summary[CELL].itertuples(index=False)]
    several = len({(cell.collection, cell.language) for cell in cells}) > 1
    return [
        {
            "key": str(cell),
            "name": evidence.described(asdict(cell)) if several else evidence.system(asdict(cell)),
            "collection": cell.collection,
            "stage": evidence.shown(cell.retriever),
            "page": quote(_relative(cell.page, here)),
        }
        for cell in cells
        if cell.reranked
    ]


def _attention(progress: Progress) -> bool:
    """Whether a cell's state says more than its name."""
    return progress.state in (State.RUNNING, State.FAILED, State.STOPPED) or bool(progress.detail)


def _figure(folder: Path, name: str) -> dict[str, str]:
    """A figure with its image in the page itself."""
    image = base64.b64encode(Path(folder, f"{name}.png").read_bytes()).decode("ascii")
    return {
        "name": name,
        "title": FIGURES.get(name).title,
        "image": f"data:image/png;base64,{image}",
        "caption": Path(folder, f"{name}.rst").read_text(encoding="utf-8").strip(),
        "alt": Path(folder, f"{name}.txt").read_text(encoding="utf-8").strip(),
    }


def _table(table: Filled, name: str) -> dict[str, Any]:
    """A table's header, rows of HTML, note and LaTeX."""

    def show(value: str, bold: bool, marks: str) -> list[str]:
        shown = Markup("<strong>{}</strong>").format(value) if bold else escape(value)
        return [shown + (f" {marks}" if marks and value != MISSING else "")]

    columns = list(table.values.columns)
    return {
        "name": name,
        "title": TABLES.get(name).title,
        "lead": [str(column) for column in table.lead.columns],
        "columns": [str(column) for column in columns],
        "rows": fields(table, show, escape, columns),
        "note": table.note,
        "latex": latex(table, name),
    }


def _number(value: float, form: str) -> str:
    """A number with a typographic minus sign."""
    return MISSING if pd.isna(value) else format(value, form).replace("-", "−")


def _interval(low: float, high: float, form: str) -> str:
    return "" if pd.isna(low) else f"{_number(low, form)} to {_number(high, form)}"


def _relative(page: str, folder: str) -> str:
    """Address of a page as a link in a page of `folder` names it; empty without a page."""
    return Path(os.path.relpath(page, folder)).as_posix() if page else ""
