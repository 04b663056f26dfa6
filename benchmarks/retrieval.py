"""First stages and evaluation compared with the tools that they call, on the same files."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median

from common import REPEATS, cell, command, report, seconds, words

from rankk.evaluation.measures import per_query
from rankk.io.trec import read_run
from rankk.retrievers.encoders import load
from rankk.retrievers.lucene import GENERATOR, HEAP, Search, index_bm25, jar, java, search_bm25
from rankk.retrievers.splade import Encode
from rankk.retrievers.texts import read_texts

QUERIES, RUNS, TEXTS = 200, 100, 300
ENCODER, MAX_LENGTH, BATCH = Path("results/models/splade-smoke-test"), 256, 32
"""An encoder for smoke tests: `snakemake --configfile config/ci.yaml results/models/splade-smoke-test` fetches it."""


def main() -> None:
    """Compare BM25, SPLADE encoding and the evaluation of 100 runs with the tools themselves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cell(folder, queries=QUERIES, depth=100, window=20, calls=0)
        report("bm25-index", [index(folder)])
        report("bm25", [bm25(folder)])
        report("splade", [splade(folder)])
        report("evaluation", [evaluation(folder)])


def bm25(folder: Path) -> dict[str, object]:
    """Search of an index of 5,000 passages, JVM start included."""
    draw, vocabulary = random.Random(1), words()
    topics = folder / "topics.tsv"
    topics.write_text("".join(f"q{i}\t{' '.join(draw.choices(vocabulary, k=8))}\n" for i in range(QUERIES)))
    index_bm25(folder / "passages.jsonl", folder / "index", "eng", threads=2)
    search = Search(folder / "index", folder / "o.trec", depth=1000, threads=2)
    ours = seconds(lambda: search_bm25(search, topics, language="eng", k1=0.9, b=0.4))
    arguments = {
        "-index": folder / "index",
        "-topics": topics,
        "-topicReader": "TsvString",
        "-output": folder / "bare.trec",
        "-bm25.k1": 0.9,
        "-bm25.b": 0.4,
        "-hits": 1000,
        "-threads": 2,
    }
    options = [str(part) for pair in arguments.items() for part in pair]
    searcher = "io.anserini.search.SearchCollection"
    bare = seconds(command(str(java()), "-cp", str(jar()), searcher, "-bm25", *options))
    same = [
        [hit.docid for hit in hits] == [hit.docid for hit in read_run(folder / "o.trec")[qid]]
        for qid, hits in read_run(folder / "bare.trec").items()
    ]
    return {"ours": ours, "Anserini": bare, "ratio": ours / bare, "queries alike": sum(same)}


def index(folder: Path) -> dict[str, object]:
    """Processor time of indexing 5,000 passages, and of Anserini's own command, in alternating runs."""
    (folder / "corpus").mkdir()
    (folder / "corpus" / "passages.jsonl").symlink_to(folder / "passages.jsonl")
    options = ["-input", folder / "corpus", "-index", folder / "bare", "-threads", 2, "-optimize", "-language", "en"]
    options += [*GENERATOR, "-collection", "JsonCollection"]
    main = [java(), HEAP, "-cp", jar(), "io.anserini.index.IndexCollection"]
    ours, bare = [], []
    for _ in range(REPEATS or 5):
        ours.append(spent(lambda: index_bm25(folder / "passages.jsonl", folder / "ours", "eng", threads=2)))
        bare.append(spent(command(*map(str, [*main, *options]))))
        shutil.rmtree(folder / "bare")
    return {
        "ours": median(ours),
        "Anserini": median(bare),
        "ratio": median(a / b for a, b in zip(ours, bare, strict=True)),
    }


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of this process and its children."""
    began = os.times()
    work()
    return sum(os.times()[:4]) - sum(began[:4])


def splade(folder: Path) -> dict[str, object]:
    """Encoding of 300 passages by the demo's encoder, against SparseEncoder.encode, in turns, processor time.

    Both load the model, because the first texts after loading take longer.
    """
    from sentence_transformers import SparseEncoder

    texts = folder / "some.jsonl"
    texts.write_text("".join(islice((folder / "passages.jsonl").open(), TEXTS)))
    contents = [text for _, text in read_texts(texts)]

    def one_cell() -> None:
        step = Encode(model=str(ENCODER), max_seq_length=MAX_LENGTH, batch_size=BATCH)
        step.run({"texts": texts, "model": []}, str(folder / "vectors.jsonl"), threads=2)

    def bare_encoder() -> None:
        encoder = load(SparseEncoder, str(ENCODER), None, MAX_LENGTH)
        encoder.encode(contents, batch_size=BATCH, show_progress_bar=False)

    pairs = [(spent(one_cell), spent(bare_encoder)) for _ in range(5)]
    ours, bare = (median(values) for values in zip(*pairs, strict=True))
    return {"ours": ours, "SparseEncoder.encode": bare, "ratio": median(a / b for a, b in pairs)}


def evaluation(folder: Path) -> dict[str, object]:
    """nDCG@10 and R@100 of 100 runs of 200 queries."""
    import ir_measures

    draw = random.Random(2)
    run = read_run(folder / "first.trec")
    qrels = {qid: {hit.docid: draw.randrange(4) for hit in hits[:50]} for qid, hits in run.items()}
    measures = [ir_measures.nDCG @ 10, ir_measures.R @ 100]
    scored = {qid: {hit.docid: hit.score for hit in hits} for qid, hits in run.items()}

    def ours() -> None:
        for _ in range(RUNS):
            per_query(run, qrels, ["nDCG@10", "R@100"], run)

    def bare() -> None:
        evaluator = ir_measures.evaluator(measures, qrels)
        for _ in range(RUNS):
            list(evaluator.iter_calc(scored))

    mine, theirs = seconds(ours), seconds(bare)
    return {"ours, 100 runs": mine, "ir_measures": theirs, "ratio": mine / theirs}


if __name__ == "__main__":
    main()
