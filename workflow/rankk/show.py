"""Human-readable output of commands."""

import re
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from rankk import paths
from rankk.errors import RankkError
from rankk.terminal import coloured, cut, within

if TYPE_CHECKING:
    from rankk.experiment import Experiment
    from rankk.llm.journal import CallRecord


def evaluation(runs: list[str], qrels: str, queries: str | None, measures: list[str], *, per_query: bool) -> None:
    """Tab-separated values: run, query (all: the mean), measure, value; queries missing from a run are named."""
    from rankk.evaluation.measures import check_measures, formatted, total
    from rankk.evaluation.measures import per_query as evaluate
    from rankk.io.trec import read_qrels, read_queries, read_run

    check_measures(measures)
    judgments = read_qrels(qrels)
    topics = list(read_queries(queries)) if queries else list(judgments)
    for path in runs:
        run = read_run(path)
        for measure, values in evaluate(run, judgments, measures, topics).items():
            if per_query:
                for qid, value in values.items():
                    print(path, qid, measure, formatted(measure, value), sep="\t")
            print(path, "all", measure, formatted(measure, total(measure, values.values())), sep="\t")
        print(path, "all", "queries", len(values), sep="\t")
        if missing := [qid for qid in values if qid not in run]:
            print(path, "all", "missing", f"{len(missing)} ({', '.join(missing[:10])})", sep="\t")


def comparison(ours: str, theirs: str, qrels: str, queries: str | None, measure: str, most: int) -> None:
    """Two runs over the same queries: means, tests, and the queries that differ most."""
    import numpy as np

    from rankk.evaluation.measures import check_measures, formatted, is_count, per_query, total
    from rankk.evaluation.statistics import compare
    from rankk.io.trec import read_qrels, read_queries, read_run

    check_measures([measure])
    judgments = read_qrels(qrels)
    topics = read_queries(queries) if queries else dict.fromkeys(judgments, "")
    (a,), (b,) = (per_query(read_run(path), judgments, [measure], topics).values() for path in (ours, theirs))
    compared = compare(np.array(list(a.values())), np.array(list(b.values())))
    print(f"{measure} over {compared['queries']} judged queries")
    for path, values in ((ours, a), (theirs, b)):
        print(f"  {formatted(measure, total(measure, values.values()))}  {path}")
    relative = f"{compared['gain']:+.1%} (95 % {compared['gain_low']:+.1%} to {compared['gain_high']:+.1%})"
    what = "difference per query" if is_count(measure) else "difference"
    print(
        f"{what} {compared['difference']:+.4f} (95 % {compared['difference_low']:+.4f} to "
        f"{compared['difference_high']:+.4f}); relative gain {'undefined' if isnan(compared['gain']) else relative}; "
        f"effect size {'undefined' if isnan(compared['effect_size']) else format(compared['effect_size'], '.2f')}"
    )
    print(
        f"{compared['wins']} queries gain, {compared['losses']} lose; p {_p(compared['p_t'])} (paired t-test), "
        f"{_p(compared['p_randomization'])} (randomization)"
    )
    gains = {qid: a[qid] - b[qid] for qid in a if a[qid] != b[qid]}
    ordered = sorted(gains, key=gains.__getitem__)
    losses = [qid for qid in ordered if gains[qid] < 0][: most // 2]
    wins = [qid for qid in reversed(ordered) if gains[qid] > 0][: most - most // 2]
    width = max(5, *map(len, (*losses, *wins, "")))
    for what, chosen, colour in (("loss", losses, "red"), ("gain", wins, "green")):
        if chosen:
            print(f"\n{'query':{width}}    ours  theirs     {what}")
        for qid in chosen:
            text = within(topics[qid], width + 28)
            gain = coloured(f"{gains[qid]:+.4f}", colour)
            print(f"{qid:{width}}  {a[qid]:.4f}  {b[qid]:.4f}  {gain}  {text}".rstrip())


def _p(value: float) -> str:
    if isnan(value):
        return "undefined"
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters of terminals, except line breaks and tabs."""


def calls(
    journal: str, query: str | None, queries: str | None = None, qrels: str | None = None, passages: str | None = None
) -> None:
    """Every call of a journal: query, window with grades and texts, reasoning, answer and what it cost.

    Control characters are shown escaped. Files that are not given are those of the collection, for a journal in the
    workflow's results; what no file tells is left out.
    """
    from rankk.io.passages import open_passages
    from rankk.io.trec import read_qrels, read_queries
    from rankk.llm.journal import read_journal

    records = [record for record in read_journal(journal) if query in (None, record.qid)]
    if not records:
        raise RankkError(f"{journal}: no calls" + (f" of query {query!r}" if query else ""))
    *_, results, runs, collection, language, _, _ = [""] * 6 + list(Path(journal).parts)
    if (results, runs) == (paths.RESULTS, "runs"):
        root = Path(*Path(journal).parts[:-6])
        files = (paths.queries(collection, language), paths.qrels(collection), paths.passages(collection))
        there = [str(root / file) if (root / file).is_file() else None for file in files]
    else:
        there = [None, None, None]
    topics = read_queries(found) if (found := queries or there[0]) else {}
    grades = read_qrels(found) if (found := qrels or there[1]) else {}
    wanted = {docid for record in records for docid in record.window}
    texts = open_passages(passages, wanted) if passages else open_passages(there[2], ()) if there[2] else {}
    for record in records:
        repairs = f" ({', '.join(record.repairs)})" if record.repairs else ""
        counts = (record.prompt_tokens, record.output_tokens)
        tokens = " + ".join("?" if count is None else str(count) for count in counts)
        head = (
            f"── query {record.qid}, call {record.call}, sample {record.sample}: {record.outcome}{repairs}, "
            f"{record.finish_reason}, {tokens} tokens, {_times(record)}"
        )
        window = ["window:"]
        for position, docid in enumerate(record.window, 1):
            grade = grades.get(record.qid, {}).get(docid)
            told = f"[{position}] {docid}" + ("" if grade is None else f" (grade {grade})")
            window.append(f"{told}  {within(texts[docid], len(told) + 2, 120)}" if docid in texts else told)
        lines = [topics[record.qid]] if record.qid in topics else []
        lines += [("\n" if grades or texts else " ").join(window)]
        lines += [f"reasoning: {record.reasoning}"] if record.reasoning else []
        print(coloured(_escaped(head), "bold"), _escaped("\n".join([*lines, f"answer: {record.text}\n"])), sep="\n")


def _times(record: "CallRecord") -> str:
    """How long a call took, and of that its waiting and computing where the engine tells them apart."""
    if record.waited is None or record.computed is None:
        return f"{record.seconds} s"
    return f"{record.seconds} s ({record.waited} s waiting, {record.computed} s computing)"


def _escaped(text: str) -> str:
    """The text with control characters escaped."""
    return CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def results(experiment: str) -> None:
    """An experiment's headline, pages and main table; of one that is not finished how far it is.

    `experiment`: its configuration file; or its name, where it is finished.
    """
    if Path(experiment).is_file():
        from rankk.config.loading import load

        grid = load(experiment)
        if not finished(grid):
            unfinished(grid)
            return
        experiment = grid.experiment
    folder = Path(paths.experiment(experiment))
    if not (folder / "index.html").is_file():
        raise RankkError(f"{folder}: no finished experiment; give its configuration file to see how far it is")
    for path in sorted(folder.glob("tables/*.md")):
        print("", path.read_text(encoding="utf-8"), sep="\n")
    conclude(folder)


def unfinished(experiment: "Experiment") -> None:
    """Print the state of an experiment, of cells that are running or failed in detail, and write its page."""
    from rankk.report.progress import State, progress, summary
    from rankk.report.unfinished import write_unfinished

    states = progress(experiment)
    page, sentences = write_unfinished(experiment, states)
    print(summary(states))
    for cell, state in states.items():
        if state.state not in (State.DONE, State.WAITING) or state.detail:
            print(f"  {cell}: {state}")
    print(*sentences, f"Open {page}", sep="\n")


def finished(experiment: "Experiment") -> bool:
    """Print the closing lines of an experiment whose page is newer than all of its runs; whether it has one."""
    page = Path(paths.experiment(experiment.experiment, "index.html"))
    runs = [Path(cell.run) for cell in experiment.cells]
    if not page.exists() or any(not run.exists() or run.stat().st_mtime > page.stat().st_mtime for run in runs):
        return False
    conclude(page.parent)
    return True


def conclude(folder: Path) -> None:
    """Print the closing lines of a finished experiment, none longer than the terminal."""
    from rankk.report.closing import closing

    for line in closing(folder):
        print(cut(line))
