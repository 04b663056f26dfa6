"""Loads every collection of the catalog that comes from ir_datasets, by its own loader, from tiny files in its format.

    python tiny_datasets.py FOLDER NAME…      (FOLDER/NAME gets the normalized files)

Only the network is not there: where a file would be fetched, one is made in the format of its address.
"""

import contextlib
import gzip
import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import yaml

EMPTY = {"empty": ("", "")}
"""A passage without text, as NeuCLIR, FiQA and TREC-COVID have."""
OWN = {"q1": ("", "first query, a passage itself")}
"""A passage that is a query, as all of ArguAna's are."""
TEXTS = {"d0": ("A title", "first passage"), "d1": ("", "second passage")}


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def tar(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def neuclir_topics(judged):
    human = ("human translation", "ht"), ("machine translation", "mt")
    parts = ("title", "description", "narrative")
    topics = [{"lang": "eng", "source": "original"} | {f"topic_{part}": f"eng {part}" for part in parts}]
    for language in ("zho", "fas", "rus"):
        for source, short in human:
            texts = {f"topic_{part}": f"{short} {language} {part}" for part in parts}
            topics.append({"lang": language, "source": source} | texts)
    return lines(
        *(
            {"topic_id": topic, "topics": topics, "languages_with_qrels": ["zho", "fas", "rus"]}
            for topic in (judged, "unjudged")
        )
    )


def content(url):
    """What stands at an address, made tiny."""
    name = url.split("?")[0].rpartition("/")[2]
    if name == "collectionandqueries.tar.gz":
        return gzip.compress(tar({"collection.tsv": b"d0\tA title first passage\nd1\tsecond passage\n"}))
    if name == "msmarco_v2_passage.tar":
        passages = [
            {"pid": f"msmarco_passage_00_{n}", "passage": " ".join(TEXTS[d]).strip(), "spans": "(0,1)", "docid": "x"}
            for n, d in enumerate(TEXTS)
        ]
        return tar({"msmarco_v2_passage/msmarco_passage_00.gz": gzip.compress(lines(*passages))})
    if "neuclir" in url and name.endswith(".jsonl.gz"):
        facts = {"cc_file": "x", "time": "2020-01-01", "url": "http://x"}
        texts = TEXTS | EMPTY
        return gzip.compress(lines(*({"id": d, "title": t, "text": x} | facts for d, (t, x) in texts.items())))
    if "topics" in name and "neuclir" in url:
        return neuclir_topics("q2023" if "2023" in url else "q1")  # no query id of 2022 is one of 2023
    if name == "2022-qrels.all":
        return b"".join(f"q1 {language} d0 3\n".encode() for language in ("zho", "fas", "rus"))
    if name == "neuclir-2023-qrels.final.tar.gz":
        members = {f"qrels.final.gains.{language}": b"q2023 0 d0 3\n" for language in ("zho", "fas", "rus")}
        return gzip.compress(tar(members))
    if "miracl" in url and name.startswith("docs-"):
        number = name.partition("-")[2].partition(".")[0]
        return gzip.compress(lines({"docid": f"d{number}", "title": "A title", "text": "a passage"}))
    if "topics" in name:
        return b"q1\tfirst query\nq2\tsecond query\n"
    if "qrels" in name and "miracl" in url:
        return b"q1 Q0 d0 1\n"
    if name.endswith("queries.tsv.gz"):
        return gzip.compress(b"q1\tfirst query\nq2\tsecond query\n")
    if name.endswith("queries.tsv"):
        return b"q1\tfirst query\nq2\tsecond query\n"
    if "qrels" in name:
        return b"q1 0 msmarco_passage_00_0 2\n" if "202" in name and "2020" not in name else b"q1 0 d0 3\n"
    if "BEIR" in url:
        return _beir(name.removesuffix(".zip"))
    raise LookupError(url)


def _beir(name):
    packed = io.BytesIO()
    facts = {
        "url": "x",
        "pubmed_id": "x",
        "query": "x",
        "narrative": "x",
        "authors": [],
        "year": 1,
        "cited_by": [],
        "references": [],
    }
    with zipfile.ZipFile(packed, "w") as archive:
        texts = TEXTS | (EMPTY if name in ("fiqa", "trec-covid") else {}) | (OWN if name == "arguana" else {})
        passages = [{"_id": d, "title": t, "text": x, "metadata": facts} for d, (t, x) in texts.items()]
        archive.writestr(f"{name}/corpus.jsonl", lines(*passages))
        archive.writestr(f"{name}/queries.jsonl", lines({"_id": "q1", "text": "first query", "metadata": facts}))
        for split in ("train", "dev", "test"):
            archive.writestr(f"{name}/qrels/{split}.tsv", "query-id\tcorpus-id\tscore\nq1\td0\t1\n")
    return packed.getvalue()


def main(folder, names):
    """Fetch and normalize."""
    os.environ["IR_DATASETS_HOME"] = str(folder / "home")
    import ir_datasets.util
    from ir_datasets.util.download import RequestsDownload

    from rankk.config.used import Definitions

    @contextlib.contextmanager
    def stream(self):
        yield io.BytesIO(content(self.url))

    RequestsDownload.stream = stream
    ir_datasets.util.HashStream = lambda file, *_, **__: file  # these files are not those of the checksums
    definitions = Definitions("none")
    for catalog in sorted((Path(__file__).parents[1] / "config" / "catalog").glob("*.yaml")):
        definitions.add(yaml.safe_load(catalog.read_text()), str(catalog), ())
    for name in names:
        collection = definitions.get("collections", name)
        corpus = definitions.get("corpora", collection.corpus)
        folders = {}
        for source in (corpus.source, collection.source):
            (download,) = source.downloads()
            folders[id(source)] = folder / download.path
            if not folders[id(source)].exists():
                download.run(folders[id(source)])
        passages = folder / name / "passages.jsonl"
        corpus.source.build({"downloads": [folders[id(corpus.source)]]}, passages)
        inputs = {"downloads": [folders[id(collection.source)]], "passages": passages}
        collection.source.build_qrels(inputs, folder / name / "qrels.txt", folder / name / "collection.json")
        for language in collection.source.languages:
            files = (folder / name / f"{part}.{language}.tsv" for part in ("queries", "excluded"))
            collection.source.build_queries(inputs, language, *files)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
