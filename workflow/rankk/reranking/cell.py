"""Reranking of one cell: reads first stage, queries and passages; writes run, calls and manifest."""

import logging
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.fetching.hub import commit
from rankk.io.files import write_json
from rankk.io.passages import index_path, open_passages
from rankk.io.runs import Run
from rankk.io.trec import read_queries, read_run, write_run
from rankk.llm.journal import Journal
from rankk.llm.tasks import run_interruptible
from rankk.progress import WAITING, tell
from rankk.provenance import environment
from rankk.reranking.calls import Caller
from rankk.reranking.engine import QueriesFailed, Reranked, rerank
from rankk.reranking.outputs import RunFiles, neighbours, one_word
from rankk.reranking.settings import Settings, resolve
from rankk.reranking.shards import members
from rankk.reranking.tally import counts, write_calls

log = logging.getLogger("rankk")


def rerank_cell(
    reranker: Reranker,
    *,
    run: str | Path,
    queries: str | Path,
    passages: str | Path,
    output: str | Path,
    journal: str | Path | None = None,
    tag: str | None = None,
    model: str | None = None,
    adapter: str | None = None,
    fill: Mapping[str, str] | None = None,
    engine_owner: int | None = None,
    shard: int | str | None = None,
) -> None:
    """Rerank the run in one file into `output`; journal, calls and manifest are written beside it (`RunFiles`).

    `tag`: the run's tag, instead of its file's name. `model`, `adapter`: where the files of the model and of its LoRA
    adapter are, if that is not what the reranker names. `fill`: values of the placeholders in `responses`.
    `engine_owner`: process that owns an engine shared with other cells; without it the engine runs in this process.
    `shard`: only that part (from 0) of the queries, of the reranker's `shards`. Calls that another journal of the same
    first stage holds are not made again.

    RankkError before the first call where a file cannot be written or would replace an input. Where queries fail, the
    run of the others is written as `.incomplete`, and the error names it.
    """
    files = RunFiles.of(output, journal)
    if fill:
        reranker = reranker.model_copy(update={"backend": reranker.backend.filled(**fill)})
    inputs = {"run": run, "queries": queries, "passages": passages, "index of the passages": index_path(passages)}
    inputs |= reranker.backend.input_files()
    files.check(inputs | ({"preset": file} if (file := reranker.preset.file) else {}))
    files.incomplete.unlink(missing_ok=True)
    settings = resolve(reranker)
    first_stage, topics = read_run(run), read_queries(queries)
    total = len(first_stage)
    if shard is not None:
        chosen = members(first_stage, settings.strategy(), reranker.depth, reranker.shards)[int(shard)]
        first_stage = {qid: first_stage[qid] for qid in chosen}
    if unknown := [qid for qid in first_stage if qid not in topics]:
        raise RankkError(f"{run}: {len(unknown)} queries are not in {queries}, e.g. {', '.join(unknown[:3])}")

    async def work() -> Reranked:
        wanted = (hit.docid for hits in first_stage.values() for hit in hits[: reranker.depth])
        with open_passages(passages, wanted) as texts, Journal(files.journal, neighbours(files.journal)) as calls:
            return await rerank_in_memory(
                settings,
                first_stage,
                topics,
                texts,
                calls,
                model=model,
                adapter=adapter,
                engine_owner=engine_owner,
                total=total,
            )

    tag = one_word(tag or files.name)
    try:
        result = run_interruptible(work(), files.journal)
    except QueriesFailed as failure:
        told = f"{failure}. Finished calls are in {files.journal}; run again to make only the missing ones"
        if failure.run:
            write_run(files.incomplete, failure.run, f"{tag}-incomplete")
            told += f". The run of the other {len(failure.run)} queries is {files.incomplete}"
        raise RankkError(told) from None
    write_json(files.manifest, {"run": files.run.name} | describe(settings, result, commit(model) if model else None))
    write_calls(files.calls, result.tally.calls)
    write_run(files.run, result.run, tag)
    log.info("%s: %d of %d queries changed, %.1f s", output, result.changed, len(first_stage), result.seconds)


async def rerank_in_memory(
    settings: Settings,
    first_stage: Run,
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    journal: Journal,
    *,
    model: str | None = None,
    adapter: str | None = None,
    engine_owner: int | None = None,
    total: int | None = None,
) -> Reranked:
    """Rerank a run with the backend that the settings name; arguments as for `rerank_cell` and `rerank`."""
    tell(WAITING)
    async with settings.reranker.backend.connect(settings.asked_model(model, adapter), engine_owner) as connection:
        return await rerank(first_stage, queries, passages, settings, Caller(settings, connection, journal), total)


def describe(settings: Settings, result: Reranked, model_commit: str | None) -> dict[str, Any]:
    """The manifest: settings and versions, outcomes of the answers, and costs."""
    tally, preset = result.tally, settings.preset
    return {
        "reranker": settings.reranker.described(),
        "model": {"name": settings.model, "revision": settings.reranker.revision, "adapter": settings.adapter},
        "preset": {"name": preset.name, "sha256": sha256(preset.model_dump_json().encode()).hexdigest()},
        "sampling": settings.sampling.__dict__,
        "thinking_tokens": settings.thinking_tokens,
        "queries": len(result.run),
        "queries_changed": result.changed,
        "calls": counts(tally.calls, asked=tally.asked, from_journal=tally.from_journal),
        "seconds": round(tally.busy_seconds, 3),
        "model_commit": model_commit,
        **result.facts,
        **environment(),
    }
