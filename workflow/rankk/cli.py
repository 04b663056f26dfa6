"""The command line. Each command imports what it needs when it runs, so that `rankk --help` is instant."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from rankk import __version__
from rankk.errors import one_line

STRATEGIES = ["sliding", "single", "topdown", "setwise", "tournament", "groups", "pointwise"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0, 1 for an error that the message explains, 130 when interrupted."""
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


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    main_parser = argparse.ArgumentParser(prog="rankk", description="Reranking with reasoning language models.")
    main_parser.add_argument("--version", action="version", version=f"rankk {__version__}")
    commands = main_parser.add_subparsers(metavar="COMMAND", required=True)

    add = commands.add_parser(
        "rerank", help="rerank a TREC run", description="Rerank a TREC run with a language model."
    )
    add.set_defaults(command=_rerank)
    add.add_argument("--run", required=True, help="first stage, TREC run")
    add.add_argument("--queries", required=True, help="qid<TAB>text lines")
    add.add_argument("--passages", required=True, help='JSON lines {"id", "contents"}; .gz allowed')
    add.add_argument("--output", required=True, help="TREC run to write; its manifest stands beside it (.json)")
    add.add_argument("--journal", help="calls, JSON lines (default: beside the output, .calls.jsonl)")
    add.add_argument("--preset", default="listwise", help="name (see rankk presets) or YAML file")
    add.add_argument("--model", help="hub id or folder (default: the strategy's or the preset's)")
    add.add_argument("--revision", help="commit of the model on its hub")
    add.add_argument("--backend", choices=["vllm", "openai", "replay"], default="vllm")
    add.add_argument("--base-url", help="openai: the server's address, ending in /v1 (key: OPENAI_API_KEY)")
    add.add_argument("--responses", help="replay: stored answers, JSON lines {qid, call, response}; .gz allowed")
    add.add_argument("--parser", choices=["ranking", "digits"], help="default: the preset's")
    add.add_argument("--strategy", choices=STRATEGIES, help="default: sliding, or pointwise for such presets")
    for name, default, text in [
        ("depth", 100, "passages of each query that are reranked"),
        ("samples", 1, "answers a window, merged into one order"),
        ("seed", 0, "of sampling and shuffles"),
    ]:
        add.add_argument(f"--{name}", type=int, default=default, help=f"{text} (default {default})")
    for name, kind, text in [
        ("window", int, "passages in one call"),
        ("stride", int, "sliding: by how much the window moves"),
        ("top-k", int, "topdown, setwise: how far the order is sought"),
        ("temperature", float, "sampling temperature"),
        ("max-tokens", int, "tokens for reasoning and answer together"),
        ("passage-tokens", int, "a passage is cut there"),
        ("thinking-tokens", int, "the thought is closed there; 0: none"),
    ]:
        add.add_argument(f"--{name}", type=kind, help=f"{text} (default: the strategy's or the preset's)")
    add.add_argument("--max-bad-outcomes", type=float, default=1.0, help="share of unusable answers that is an error")

    add = commands.add_parser("evaluate", help="measure TREC runs", description="Mean effectiveness of TREC runs.")
    add.set_defaults(command=_evaluate)
    add.add_argument("runs", nargs="+", metavar="RUN")
    add.add_argument("--qrels", required=True)
    add.add_argument("--queries", help="topic list: its judged queries count (default: all of the qrels)")
    add.add_argument("--measures", nargs="+", default=["nDCG@10", "R@100"], help="ir_measures names")
    add.add_argument("--per-query", action="store_true", help="a line a query too")

    add = commands.add_parser(
        "compare", help="compare two TREC runs", description="Means, tests, and the queries that differ most."
    )
    add.set_defaults(command=_compare)
    add.add_argument("ours", metavar="RUN")
    add.add_argument("theirs", metavar="BASELINE")
    add.add_argument("--qrels", required=True)
    add.add_argument("--queries", help="topic list: its judged queries count (default: all of the qrels)")
    add.add_argument("--measure", default="nDCG@10", help="ir_measures name (default nDCG@10)")
    add.add_argument("--most", type=int, default=20, help="queries shown (default 20)")

    add = commands.add_parser("calls", help="read a journal", description="Show a query's calls as text.")
    add.set_defaults(command=_calls)
    add.add_argument("journal")
    add.add_argument("--query", help="only this query's calls")

    add = commands.add_parser("presets", help="list models' prompts and parsers")
    add.set_defaults(command=_presets)

    add = commands.add_parser("plan", help="calls, tokens and GPU-hours of an experiment before it runs")
    add.set_defaults(command=_plan)
    add.add_argument("config", help="the experiment's file, e.g. config/config.yaml")

    add = commands.add_parser("results", help="name what an experiment made")
    add.set_defaults(command=_results)
    add.add_argument("experiment")
    return main_parser


def _rerank(options: argparse.Namespace) -> None:
    from importlib.util import find_spec

    from rankk.config.loading import validate_reranker
    from rankk.logs import to_stderr
    from rankk.reranking.cell import rerank_cell

    to_stderr()
    names = [
        "preset",
        "model",
        "revision",
        "backend",
        "base_url",
        "responses",
        "parser",
        "strategy",
        "depth",
        "window",
        "stride",
        "top_k",
        "samples",
        "seed",
        "temperature",
        "max_tokens",
        "passage_tokens",
        "thinking_tokens",
        "max_bad_outcomes",
    ]
    reranker = validate_reranker({name: getattr(options, name) for name in names}, "rankk rerank")
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


def _calls(options: argparse.Namespace) -> None:
    from rankk.show import calls

    calls(options.journal, options.query)


def _presets(_: argparse.Namespace) -> None:
    from rankk.show import presets

    presets()


def _plan(options: argparse.Namespace) -> None:
    from rankk import plan
    from rankk.config.loading import load

    experiment = load(options.config)
    print(plan.table(list(plan.costs(experiment))))
    if experiment.training:
        from rankk.training.plan import lines

        print("\n".join(lines(experiment)))


def _results(options: argparse.Namespace) -> None:
    from rankk.show import results

    results(options.experiment)
