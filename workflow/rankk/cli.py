"""The command line. Each command imports its modules when it runs, so that `rankk --help` is fast."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rankk import __version__
from rankk.errors import one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 after an error message, 130 when interrupted."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8
    try:
        options.command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `rankk calls … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if (told := one_line(error)) is None:
            raise
        print(f"rankk: {told}", file=sys.stderr)
        return 1
    return 0


class Command(argparse.ArgumentParser):
    """Parser of a command. `prepare` adds options that require slow imports, only when the command is used."""

    def __init__(self, *, prepare: Callable[[argparse.ArgumentParser], None] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._prepare = prepare

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command's arguments."""
        if self._prepare:
            self._prepare(self)
            self._prepare = None
        return super().parse_known_args(args, namespace)


def _add_settings(command: argparse.ArgumentParser) -> None:
    from rankk.options import add_settings

    add_settings(command)


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    main_parser = argparse.ArgumentParser(prog="rankk", description="Reranking with reasoning language models.")
    main_parser.add_argument("--version", action="version", version=f"rankk {__version__}")
    commands = main_parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Command)

    add = commands.add_parser(
        "rerank",
        help="rerank a TREC run",
        description="Rerank a TREC run with a language model.",
        prepare=_add_settings,
    )
    add.set_defaults(command=_rerank)
    add.add_argument("--run", required=True, help="first stage, TREC run")
    add.add_argument("--queries", required=True, help="qid<TAB>text lines")
    add.add_argument("--passages", required=True, help='JSON lines {"id", "contents"}; .gz allowed')
    add.add_argument("--output", required=True, help="TREC run to write; its manifest stands beside it (.json)")
    add.add_argument("--journal", help="calls, JSON lines (default: beside the output, .calls.jsonl)")

    add = commands.add_parser("evaluate", help="measure TREC runs", description="Mean effectiveness of TREC runs.")
    add.set_defaults(command=_evaluate)
    add.add_argument("runs", nargs="+", metavar="RUN")
    add.add_argument("--qrels", required=True)
    add.add_argument("--queries", help="topic list: its judged queries count (default: all of the qrels)")
    add.add_argument("--measures", nargs="+", default=["nDCG@10", "R@100"], help="ir_measures names")
    add.add_argument("--per-query", action="store_true", help="a line per query too")

    add = commands.add_parser(
        "compare", help="compare two TREC runs", description="Means, tests, and the queries that differ most."
    )
    add.set_defaults(command=_compare)
    add.add_argument("ours", metavar="RUN")
    add.add_argument("theirs", metavar="BASELINE")
    add.add_argument("--qrels", required=True)
    add.add_argument("--queries", help="topic list: its judged queries count (default: all of the qrels)")
    add.add_argument("--measure", default="nDCG@10", help="ir_measures name (default nDCG@10)")
    add.add_argument("--most", type=int, default=20, help="queries shown, half of them losses (default 20)")

    add = commands.add_parser(
        "diff",
        help="compare two experiments",
        description="Settings, cells and values in which two finished experiments differ.",
    )
    add.set_defaults(command=_diff)
    add.add_argument("one", metavar="EXPERIMENT", help="its name, or the folder of its results")
    add.add_argument("other", metavar="EXPERIMENT")
    add.add_argument("--most", type=int, default=20, help="settings, cells and values shown of each (default 20)")

    add = commands.add_parser(
        "calls",
        help="read a journal",
        description="Show calls as text: query, window with grades and passages, reasoning and answer. Files of a "
        "journal in the workflow's results need not be named, but for the passages of a corpus with another name.",
    )
    add.set_defaults(command=_calls)
    add.add_argument("journal")
    add.add_argument("--query", help="only this query's calls")
    add.add_argument("--queries", help="qid<TAB>text lines")
    add.add_argument("--qrels", help="TREC qrels")
    add.add_argument("--passages", help='JSON lines {"id", "contents"}; .gz allowed')

    add = commands.add_parser(
        "page",
        help="write a page on which answers can be read",
        description="For each run that `rankk rerank` made: a page beside it with its queries, rankings, relevant "
        "passages and answers. For several runs also compare.html, which shows two of them side by side.",
    )
    add.set_defaults(command=_page)
    add.add_argument("runs", nargs="+", metavar="RUN", help="output of rankk rerank; its other files lie beside it")
    add.add_argument("--first-stage", required=True, help="the run that was reranked")
    add.add_argument("--queries", required=True, help="qid<TAB>text lines")
    add.add_argument("--qrels", required=True, help="TREC qrels")
    add.add_argument("--passages", required=True, help='JSON lines {"id", "contents"}; .gz allowed')
    add.add_argument("--measure", default="nDCG@10", help="ir_measures name (default nDCG@10)")

    add = commands.add_parser("presets", help="list families of models and their prompts, or show one in full")
    add.set_defaults(command=_presets)
    add.add_argument("name", nargs="?", help="preset to show with its prompt, decoding and deviations")
    add.add_argument(
        "--check", metavar="MODEL_DIR", help="tell which presets fit the model in a folder, and what is lost"
    )

    add = commands.add_parser("plan", help="calls, tokens and GPU-hours of an experiment before it runs")
    add.set_defaults(command=_plan)
    add.add_argument("config", help="the experiment's file, e.g. config/config.yaml")

    add = commands.add_parser("doctor", help="check an experiment's sources, models, programs and cluster")
    add.set_defaults(command=_doctor)
    add.add_argument("config", help="the experiment's file, e.g. config/config.yaml")
    add.add_argument("--profile", help="a profile of Snakemake's for Slurm, or its folder: the cluster is checked too")

    add = commands.add_parser(
        "results",
        help="show what an experiment made, or how far it is",
        description="Headline, tables and page of a finished experiment. Of one that is running: the state of its "
        "cells, and a page of what is done.",
    )
    add.set_defaults(command=_results)
    add.add_argument("experiment", metavar="EXPERIMENT", help="its file, e.g. config/config.yaml, or its name if done")

    add = commands.add_parser(
        "export",
        help="write a run for TIRA and TIREx",
        description="A folder with run.txt.gz and ir-metadata.yml, from a run and the manifest beside it.",
    )
    add.set_defaults(command=_export)
    add.add_argument("run", metavar="RUN", help="a cell's run, e.g. results/runs/mini/eng/bm25/rank-k.trec")
    add.add_argument("--output", required=True, metavar="FOLDER", help="a new folder, or an older export")
    add.add_argument("--team", required=True, help="who submits the run")
    add.add_argument("--collection", required=True, help="name of the test collection, e.g. TREC 2019 Deep Learning")
    add.add_argument("--repository", metavar="URL", help="where the code is (default: the origin of the one here)")
    return main_parser


def _rerank(options: argparse.Namespace) -> None:
    from importlib.util import find_spec

    from rankk.config.validation import validate_reranker
    from rankk.logs import to_stderr
    from rankk.options import given_settings
    from rankk.reranking.cell import rerank_cell

    to_stderr()
    reranker = validate_reranker(given_settings(options), "rankk rerank")
    rerank_cell(
        reranker,
        run=options.run,
        queries=options.queries,
        passages=options.passages,
        output=options.output,
        journal=options.journal,
        engine_owner=None if find_spec("vllm") else os.getpid(),  # vLLM in an environment of its own
    )


def _evaluate(options: argparse.Namespace) -> None:
    from rankk.show import evaluation

    evaluation(options.runs, options.qrels, options.queries, options.measures, per_query=options.per_query)


def _compare(options: argparse.Namespace) -> None:
    from rankk.show import comparison

    comparison(options.ours, options.theirs, options.qrels, options.queries, options.measure, options.most)


def _diff(options: argparse.Namespace) -> None:
    from rankk.diff import diff

    diff(options.one, options.other, options.most)


def _calls(options: argparse.Namespace) -> None:
    from rankk.show import calls

    calls(options.journal, options.query, options.queries, options.qrels, options.passages)


def _page(options: argparse.Namespace) -> None:
    from rankk.report.answers.page import write_pages

    files = {name: getattr(options, name) for name in ("first_stage", "queries", "qrels", "passages")}
    print(f"Open {write_pages(options.runs, measure=options.measure, **files)[0]}")


def _presets(options: argparse.Namespace) -> None:
    from rankk.families import show

    show(options.name, options.check)


def _plan(options: argparse.Namespace) -> None:
    from rankk.config.loading import load
    from rankk.plan.costs import costs
    from rankk.plan.split import lines as split_lines
    from rankk.plan.table import table

    experiment = load(options.config)
    print("\n".join([table(experiment, list(costs(experiment))), *split_lines(experiment)]))
    if experiment.training:
        from rankk.training.plan import lines

        print("\n".join(lines(experiment)))


def _doctor(options: argparse.Namespace) -> None:
    from rankk.config.loading import load
    from rankk.doctor import report

    report(load(options.config), options.profile)


def _results(options: argparse.Namespace) -> None:
    from rankk.show import results

    results(options.experiment)


def _export(options: argparse.Namespace) -> None:
    from rankk.export import export

    export(
        options.run,
        options.output,
        team=options.team,
        collection=options.collection,
        repository=options.repository,
    )
