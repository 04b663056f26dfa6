"""Checks of everything that an experiment needs, before any job is queued and after its sources are built."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Literal

from rankk import paths
from rankk.corpora.base import AlignedTopics, Collection, Corpus
from rankk.errors import RankkError
from rankk.experiment import Experiment
from rankk.fetching.base import Download
from rankk.fetching.hub import HubModel
from rankk.fetching.models import Model
from rankk.fetching.prebuilt import PrebuiltDownload, named
from rankk.io.files import read_json
from rankk.reranking.settings import resolve
from rankk.stages import Stages

UNPACKED = 2
"""Disk space for an archive and its unpacked content, relative to the size of the archive."""
TIMEOUT = 10
"""Seconds to wait for the hub."""
NEAR = 0.1
"""Share by which a number may differ from one that its source states roughly."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `remedy`: what to do about a problem."""

    level: Literal["ok", "note", "wrong"]
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.level:5}  {self.text}" + (f" -> {self.remedy}" if self.remedy else "")


def report(experiment: Experiment, profile: str | None = None) -> None:
    """Print all findings. RankkError where something is wrong."""
    checks = findings(experiment)
    if profile:
        from rankk.cluster import findings as of_cluster

        checks = chain(checks, of_cluster(experiment, profile))
    wrong = 0
    for finding in checks:
        print(finding, flush=True)
        wrong += finding.level == "wrong"
    if wrong:
        raise RankkError(
            f"{wrong} of the checks found something wrong; the lines that begin with `wrong` say what to do"
        )


def findings(experiment: Experiment) -> Iterator[Finding]:
    """All checks that need no cluster."""
    yield from (Finding("note", text) for text in (*experiment.too_deep, *experiment.unlimited))
    yield from downloads(experiment)
    yield from licences(experiment)
    yield from models(experiment)
    yield from programs(experiment)
    yield from counts(experiment)


def downloads(experiment: Experiment) -> Iterator[Finding]:
    """Check each download and its size (if known), and that the missing ones fit on the disk."""
    missing = 0.0
    for name, download in Stages(experiment).downloads.items():
        path = Path(download.path)
        if path.exists():
            yield Finding("ok", f"{name}: there")
            continue
        if path.is_symlink():
            remedy = "delete the link and run `snakemake downloads`, with the HF_HOME of before or a new one"
            yield Finding("wrong", f"{name}: {path} is a link to {path.readlink()}, which is gone", remedy)
            continue
        finding, size = _missing(name, download)
        missing += size
        yield finding
    folder = Path(paths.RESULTS) if Path(paths.RESULTS).exists() else Path()
    free = shutil.disk_usage(folder).free
    if missing > free:
        remedy = "free some, or move results/ and HF_HOME to a larger disk"
        yield Finding("wrong", f"disk: {_size(missing)} to fetch, {_size(free)} free", remedy)
    else:
        yield Finding("ok", f"disk: {_size(free)} free; known sizes of what is missing: {_size(missing)}")


def _size(number: float) -> str:
    """A number of bytes as text, in MB or GB."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _missing(name: str, download: Download) -> tuple[Finding, float]:
    """Message about a missing download, and its size in bytes as far as it is known."""
    fetch = "`snakemake downloads` fetches it"
    if isinstance(download, PrebuiltDownload):
        try:
            size = named(download.index).size
        except RankkError as error:
            return Finding("wrong", f"{name}: {error}", "name an index of this Anserini"), 0
        return Finding("note", f"{name}: not there yet ({_size(size)}); {fetch}"), size * UNPACKED
    if isinstance(download, HubModel):
        return _on_hub(name, download)
    return Finding("note", f"{name}: not there yet (size not known); {fetch}"), 0


def _on_hub(name: str, download: HubModel) -> tuple[Finding, float]:
    """Whether this user may download a model from the hub, and its size."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    address = f"{constants.ENDPOINT}/{download.model}"
    api = HfApi()
    try:
        info = api.model_info(download.model, revision=download.revision, files_metadata=True, timeout=TIMEOUT)
        if info.gated:
            api.auth_check(download.model)
    except GatedRepoError:
        remedy = f"accept its licence at {address}, then `hf auth login` or HF_TOKEN"
        return Finding("wrong", f"{name}: gated, and not open to this user", remedy), 0
    except RevisionNotFoundError:
        return Finding("wrong", f"{name}: the hub has no such revision", f"choose one of {address}/commits"), 0
    except RepositoryNotFoundError:
        return Finding("wrong", f"{name}: not on the hub, or for its owner only", f"check the name at {address}"), 0
    except Exception as error:  # any error of the hub's client or of its transport
        reason = " ".join(str(error).split())[:120]
        return Finding("note", f"{name}: not there yet; the hub does not answer ({reason})"), 0
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    size = sum(number for file, number in sizes.items() if file.endswith(".safetensors")) or sum(sizes.values())
    licence = (info.card_data.get("license") if info.card_data else None) or "no licence stated"
    return Finding("note", f"{name}: not there yet ({_size(size)}; {licence}); `snakemake downloads` fetches it"), size


def licences(experiment: Experiment) -> Iterator[Finding]:
    """Licences of models and collections, as stated in the catalog."""
    holders: dict[str, dict[str, None]] = {}
    sections: tuple[Mapping[str, Corpus | Collection | Model], ...]
    sections = (experiment.corpora, experiment.collections, experiment.models)
    for section in sections:
        for name, entry in section.items():
            holders.setdefault(entry.licence, {})[name] = None
    for licence, names in holders.items():
        text = f"licence {licence}; to fetch accepts it" if licence else "licence not stated, look at the source"
        yield Finding("note", f"{text}: {', '.join(names)}")


def models(experiment: Experiment) -> Iterator[Finding]:
    """Check that local folders of models exist, and that the tokenizers of local models can be loaded."""
    folders: dict[str, bool] = {}
    for name, reranker in experiment.rerankers.items():
        if not reranker.backend.loads_model:
            continue
        model = resolve(reranker).model
        provided = experiment.model_files(name)
        folders |= {provided[0]: False} if provided else {model: True}
    for folder, local in folders.items():
        if not Path(folder).is_dir():
            if local:
                remedy = "give the folder, or the hub's owner/name"
                yield Finding("wrong", f"model {folder}: no such folder", remedy)
            continue
        missing = [file for file in ("config.json", "tokenizer_config.json") if not Path(folder, file).is_file()]
        if missing:
            remedy = "save model and tokenizer there (save_pretrained)"
            yield Finding("wrong", f"model {folder}: lacks {' and '.join(missing)}", remedy)
            continue
        try:
            from rankk.llm.tokenizers import ModelTokenizer

            ModelTokenizer(folder)
        except Exception as error:  # transformers does not wrap the errors of its readers
            reason = " ".join(str(error).split())[:160]
            yield Finding("wrong", f"model {folder}: its tokenizer cannot be read ({reason})", "fetch or save it again")
        else:
            yield Finding("ok", f"model {folder}: there, tokenizer readable")


def programs(experiment: Experiment) -> Iterator[Finding]:
    """Check Java with Anserini, and vLLM if a model is loaded on this machine."""
    from rankk.retrievers.lucene import jar, java

    try:
        runtime, archive = java(), jar()
        subprocess.run([runtime, "-version"], check=True, capture_output=True, timeout=60)
        yield Finding("ok", f"Java: {runtime}; {archive.name}")
    except (RankkError, OSError, subprocess.SubprocessError) as error:
        yield Finding("wrong", f"Java: {error}", "make setup, or JAVA_HOME of a Java 21")
    if any(reranker.backend.loads_model for reranker in experiment.rerankers.values()):
        from rankk.llm.server import engine_python

        try:
            yield Finding("ok", f"vLLM: {engine_python()}")
        except RankkError as error:
            yield Finding("wrong", f"vLLM: {error}", "or use --sdm conda, which builds envs/llm.yaml")


def counts(experiment: Experiment) -> Iterator[Finding]:
    """Compare the numbers of passages, queries and judgments of built collections with the catalog."""
    for name, corpus in experiment.corpora.items():
        path = Path(paths.corpus(name, "corpus.json"))
        if path.is_file() and corpus.expected_passages:
            facts = read_json(path)
            dropped = sum(facts["dropped"].values())
            count, release = facts["passages"] + dropped, corpus.source.release
            yield _count(f"corpus {name}: passages", count, corpus.expected_passages, release, dropped)
    for name, collection in experiment.collections.items():
        path = Path(paths.collection(name, "collection.json"))
        if not path.is_file():
            continue
        facts, source = read_json(path), collection.source
        most, release = source.max_queries, source.release
        if expected := collection.expected_queries:
            numbers = facts["queries"]
            if isinstance(source, AlignedTopics):  # some queries are not translated into every language
                numbers = dict([max(numbers.items(), key=itemgetter(1))])
            for language, number in numbers.items():
                wanted = min(expected, most or expected)
                near = abs(number - expected) <= NEAR * expected
                stated = "about " if collection.approximate and near and not most else ""
                yield _count(f"collection {name}: queries in {language}", number, wanted, release, stated=stated)
        if collection.expected_judgments and not most:
            dropped = sum(facts["dropped"].values())
            count = facts["judgments"] + dropped
            yield _count(f"collection {name}: judgments", count, collection.expected_judgments, release, dropped)


def _count(what: str, count: int, expected: int, release: str, dropped: int = 0, stated: str = "") -> Finding:
    """A count that is as expected or not; one of another release of a distribution, or `stated` roughly, may differ."""
    text = f"{what}: {count:,}" + (f", {dropped:,} of them dropped as known faults" if dropped else "")
    if count == expected:
        return Finding("ok", text)
    if release or stated:
        return Finding("note", f"{text}; {release or 'its source'} has {stated}{expected:,}")
    return Finding(
        "wrong", f"{text}; expected {expected:,}", "delete the download and fetch it again, or correct the catalog"
    )
