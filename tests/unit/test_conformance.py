"""What every registered component must be: described, checked, and true to its kind's contract.

Strategies, parsers and figures have conformance tests of their own (tests/property, tests/unit/test_figures.py).
"""

import io
import json
import re
import shutil
import struct
import subprocess
import tarfile

import pytest

from rankk import paths
from rankk.component import Component
from rankk.config.loading import check
from rankk.corpora.base import PASSAGES, TOPICS
from rankk.corpora.debian_descriptions import DEBIAN
from rankk.evaluation.measures import MEASURES
from rankk.fetching.base import DOWNLOADS
from rankk.fetching.models import MODELS
from rankk.fusion.base import FUSIONS
from rankk.io.passages import PassageStore
from rankk.io.trec import read_queries, read_run
from rankk.llm.backends import BACKENDS
from rankk.paths import Cell
from rankk.report.figures import FIGURES
from rankk.report.tables import TABLES
from rankk.reranking.parsers.base import PARSERS
from rankk.reranking.strategies.base import STRATEGIES
from rankk.retrievers.base import RETRIEVERS, STEPS

from ..tiny_model import tiny_bert, tiny_encoder

REGISTRIES = [
    *(PASSAGES, TOPICS, DOWNLOADS, MODELS, RETRIEVERS, STEPS, STRATEGIES, PARSERS, FUSIONS, BACKENDS, MEASURES),
    *(FIGURES, TABLES),
]
COMPONENTS = [
    pytest.param(component, id=f"{registry.kind} {name}")
    for registry in REGISTRIES
    for name, component in registry.all().items()
]
TEXTS = {
    "a": "apples are fruit that grow on trees",
    "b": "pears are fruit as well",
    "c": "stones lie on the ground",
    "d": "rain falls on trees and stones",
}
QUERIES = {"q1": "fruit on trees", "q2": "stones and rain"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_and_its_settings_are_described(component):
    assert issubclass(component, Component)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", component.name)
    assert component.__doc__
    assert component.__doc__ != Component.__doc__
    undescribed = [name for name, field in component.model_fields.items() if not field.description]
    assert component in STEPS.all().values() or not undescribed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of a small collection, a run, and encoders of random weights."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling

    folder = tmp_path_factory.mktemp("conformance")
    (folder / "p.jsonl").write_text(
        "".join(json.dumps({"id": docid, "contents": text}) + "\n" for docid, text in TEXTS.items())
    )
    (folder / "q.tsv").write_text("".join(f"{qid}\t{text}\n" for qid, text in QUERIES.items()))
    (folder / "qrels").write_text("q1 0 a 2\nq1 0 b 1\nq2 0 d 1\n")
    (folder / "made.trec").write_text("q1 Q0 a 1 2.0 x\nq1 Q0 b 2 1.0 x\nq2 Q0 c 1 1.0 x\nother Q0 a 1 1.0 x\n")
    words = " ".join([*TEXTS.values(), *QUERIES.values()]).split()
    tiny_encoder(folder, words)
    modules = [MLMTransformer(tiny_bert(folder / "sparse", words)), SpladePooling()]
    SparseEncoder(modules=modules).save(str(folder / "sparse"))
    return folder


def retrievers(folder):
    """Settings of a retriever of each type; `of`: the one that some start from."""
    return {
        "splade": {"model": str(folder / "sparse"), "max_seq_length": 32},
        "dense": {"model": str(folder / "model"), "max_seq_length": 32, "query_prefix": "query: "},
        "run": {"path": str(folder / "made.trec")},
        "fusion": {"retrievers": ["of", "of-deep"]},
        "shuffled": {"retriever": "of"},
        "rescored": {"retriever": "of", "model": str(folder / "model"), "max_seq_length": 32},
    }


@pytest.mark.parametrize("name", RETRIEVERS.names())
def test_a_retriever_writes_a_valid_run(folder, name, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", str(tmp_path / "results"))
    settings = {"type": name, **retrievers(folder).get(name, {})}
    if "depth" in RETRIEVERS.get(name).model_fields:
        settings["depth"] = 2
    files = {"passages": str(folder / "p.jsonl"), "qrels": str(folder / "qrels")}
    config = {
        "experiment": "x",
        "grid": [{"collections": ["c"], "languages": ["eng"], "retrievers": ["tested"]}],
        "collections": {"c": {"language": "eng", "queries": {"eng": str(folder / "q.tsv")}, **files}},
        "retrievers": {"tested": settings, "of": {"type": "bm25"}, "of-deep": {"type": "bm25", "k1": 2.0}},
    }
    experiment = check(config, "x.yaml", tmp_path / "no-catalog")
    corpus, collection = experiment.corpora["c"].source, experiment.collections["c"].source
    corpus.build(corpus.inputs(), paths.passages("c"))
    inputs = collection.inputs() | {"passages": paths.passages("c")}
    collection.build_queries(inputs, "eng", paths.queries("c", "eng"), paths.excluded("c", "eng"))
    for cell in reversed(experiment.first_stages):
        retriever = experiment.retrievers[cell.retriever]
        for job in retriever.jobs(cell, experiment):
            job.step.run(job.inputs, job.output, 1)
        facts = retriever.facts(cell, experiment)
        retriever.retrieve(retriever.inputs(cell, experiment), cell.run, threads=1, tag="c.eng.tested", **facts)
    run = read_run(Cell("c", "eng", "tested").run)
    with PassageStore(paths.passages("c")) as passages:
        assert list(run) == [qid for qid in read_queries(paths.queries("c", "eng")) if qid in run]
        assert run
        for hits in run.values():
            assert 1 <= len(hits) <= settings.get("depth", len(TEXTS))
            assert all(hit.docid in passages for hit in hits)
            assert [hit.score for hit in hits] == sorted({hit.score for hit in hits}, reverse=True)


def squad(folder):
    paragraph = {"context": " ".join(TEXTS["a"].split()), "qas": [{"id": "q1", "question": "what grows on\n trees?"}]}
    content = json.dumps({"data": [{"paragraphs": [paragraph, paragraph]}]}).encode()
    (folder / "package").mkdir(exist_ok=True)
    with tarfile.open(folder / "package" / "squad-1.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("dev.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    settings = {"package": "squad==1", "sha256": "0" * 64, "members": ["dev.json"]}
    return settings, settings, {"downloads": [str(folder / "package")]}


def files(folder):
    corpus = {"passages": str(folder / "p.jsonl")}
    topics = {"queries": {"eng": str(folder / "q.tsv")}, "qrels": str(folder / "qrels")}
    inputs = {"source": corpus["passages"], "queries": list(topics["queries"].values()), "qrels": topics["qrels"]}
    return corpus, topics, inputs


def debian_package(folder, name, files):
    """A package that holds files (texts or bytes), by path."""
    root = folder / "root" / name
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    (root / "DEBIAN").mkdir()
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
    (root / "DEBIAN/control").write_text(control)
    (folder / "deb").mkdir(exist_ok=True)
    target = folder / "deb" / f"{name}_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(root), str(target)], check=True, capture_output=True)


def libreoffice_help(folder):
    """Packages of two pages; the second is still English in all languages."""
    page = "<html><head><title>{0}</title></head><body><div id='DisplayArea'><h1>{0}</h1><p>{1}</p></div></body></html>"
    texts = {"en-us": ("en-US", "Add a row."), "ru": ("ru", "Добавить строку."), "zh-cn": ("zh-CN", "添加一行。")}
    for debian, (name, text) in (texts | {"de": ("de", "Eine Zeile einfügen.")}).items():
        pages = f"usr/share/libreoffice/help/{name}/text/swriter/guide"
        same = page.format("Same", "The same text in every language.")
        files = {f"{pages}/row.html": page.format(f"Row {name}", text), f"{pages}/same.html": same}
        debian_package(folder, f"libreoffice-help-{debian}", files)
    return {"language": "rus"}, {"language": "rus"}, {"downloads": [str(folder / "deb")]}


def debian_help(folder):
    """GIMP's help with a translated page and one that is still English in all languages."""
    page = (
        "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>1.2. {0}</title></head><body><p>{1}</p></body></html>"
    )
    for language, code in {"eng": "en", "deu": "de", "fas": "fa", "rus": "ru", "zho": "zh_CN"}.items():
        pages = f"usr/share/gimp/2.0/help/{code}"
        texts = {"move": (f"Move {language}", f"Moves a layer {language}."), "same": ("Same", "The same text.")}
        files = {f"{pages}/{name}.html": page.format(*text) for name, text in texts.items()}
        debian_package(folder, f"gimp-help-{code.lower().replace('_', '-')}", files)
    settings = {"manual": "gimp", "language": "rus"}
    return settings, settings, {"downloads": [str(folder / "deb")]}


def debian_descriptions(folder):
    """Lists of descriptions: one translated, one in English only, one that is too short."""
    stanza = "Package: {0}\nDescription-md5: 0\nDescription-{1}: {2}\n {3}\n .\n and more\n"
    long = "a program that draws curves " * 5
    for code in DEBIAN.values():
        stanzas = [stanza.format("curves", code, f"curves {code}", f"{long} {code}")]
        if code == "en":
            stanzas += [stanza.format("points", "en", "points", long), stanza.format("short", "en", "short", "little")]
        (folder / f"{code}.txt").write_text("\n".join(stanzas))
    return {"language": "rus"}, {}, {"downloads": [str(folder)]}


def catalog(translations):
    """The bytes of a gettext catalog (.mo)."""
    header = {"": "Content-Type: text/plain; charset=UTF-8\n"}
    pairs = [[text.encode() for text in pair] for pair in sorted((header | translations).items())]
    spans, texts, end = b"", b"", 28 + 16 * len(pairs)
    for text in [key for key, _ in pairs] + [value for _, value in pairs]:
        spans += struct.pack("<II", len(text), end + len(texts))
        texts += text + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, end) + spans + texts


def debian_messages(folder):
    """A program with two messages in all languages and one that lacks them."""
    codes = {"fa": "پرونده را", "de_DE": "Datei", "ru": "файл", "zh_CN": "文件"}
    files = {}
    for code, text in codes.items():
        messages = {"&Open the file again": f"{text} eins zwei", "Close the file at once": f"{text} drei vier"}
        files[f"usr/share/locale/{code}/LC_MESSAGES/editor.mo"] = catalog(messages)
    debian_package(folder, "editor-data", files)
    settings = {"packages": ["editor-data"]}
    return settings | {"language": "fas"}, settings, {"downloads": [str(folder / "deb")]}


CASES = {
    "files": files,
    "squad": squad,
    "libreoffice-help": libreoffice_help,
    "debian-help": debian_help,
    "debian-descriptions": debian_descriptions,
    "debian-messages": debian_messages,
}
ELSEWHERE = {"bright", "ir-datasets"}
"""Sources that need a library's own data sets: tests/unit/test_bright.py, test_from_ir_datasets.py."""


@pytest.mark.parametrize("name", sorted(PASSAGES.all().keys() - ELSEWHERE))
def test_a_source_gives_a_valid_corpus_with_queries_and_judgments(folder, name, tmp_path):
    if name in {"libreoffice-help", "debian-help", "debian-messages"} and not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not there")
    corpus, topics, inputs = CASES[name](tmp_path if name != "files" else folder)
    passages = tmp_path / "out" / "passages.jsonl"
    PASSAGES.get(name)(**corpus).build(inputs, passages)
    source = TOPICS.get(name)(**topics)
    inputs |= {"passages": str(passages)}
    source.build_qrels(inputs, tmp_path / "out/qrels.txt", tmp_path / "out/counts.json")
    with PassageStore(passages) as store:
        assert len(store) >= 1
        assert all(text.strip() for text in store.values())
    for language in source.languages:
        alone = source.only(language)
        alone.build_queries(inputs, language, tmp_path / f"{language}.tsv", tmp_path / f"{language}.excluded")
    assert read_queries(tmp_path / f"{source.languages[0]}.tsv")
    assert (tmp_path / "out/qrels.txt").read_text()
