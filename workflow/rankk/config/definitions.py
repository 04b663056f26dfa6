"""Checking one definition of a configuration file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from rankk.component import Registry, apart
from rankk.config.reranker import Reranker
from rankk.config.training import Training
from rankk.config.translator import Translator
from rankk.config.validation import shown, validate
from rankk.corpora.base import PASSAGES, TOPICS, Collection, Corpus
from rankk.errors import RankkError
from rankk.fetching.models import MODELS
from rankk.retrievers.base import RETRIEVERS

SECTIONS = ("corpora", "collections", "retrievers", "rerankers", "models", "training", "translators")
"""Sections of a configuration file that define what the grid names."""


def definition(section: str, entry: Any, file: str, path: str, folders: tuple[Path, ...] = ()) -> Any:
    """An entry of a section as its settings class. RankkError has one line for each fault.

    `path` is the entry's key path. `folders`: where files are looked for that are not below the working directory.
    """
    if not isinstance(entry, Mapping):
        raise RankkError(f"{file}: {path}: {entry!r}: expected keys and values")
    context = {"folders": folders}
    if section == "corpora":
        return _flat(Corpus, PASSAGES, entry, file, path, context)
    if section == "collections":
        return _flat(Collection, TOPICS, entry, file, path, context)
    if section == "retrievers":
        return _tagged(RETRIEVERS, entry, file, path, context)
    if section == "models":
        return _tagged(MODELS, {"type": "package"} | dict(entry), file, path, context)
    kind = {"rerankers": Reranker, "training": Training, "translators": Translator}[section]
    return validate(TypeAdapter(kind), entry, file, path, context)


def split_collection(entry: Any, name: str, file: str, path: str) -> tuple[Any, Mapping[str, Any] | None]:
    """A collection's entry, with the description of its corpus apart (None: it names one that is defined elsewhere).

    Without `corpus`, the keys that describe passages are taken out of the entry; keys that both sources declare (an
    archive, a task) stay with both.
    """
    if not isinstance(entry, Mapping):
        return entry, None
    corpus = entry.get("corpus")
    if isinstance(corpus, str):
        return entry, None
    if corpus is not None:
        return {**entry, "corpus": name}, corpus
    source = entry.get("source", "files")
    of_passages = _get(PASSAGES, source, file, f"{path}.source").model_fields.keys() | Corpus.model_fields.keys()
    of_topics = _get(TOPICS, source, file, f"{path}.source").model_fields.keys() | Collection.model_fields.keys()
    described = {key: value for key, value in entry.items() if key in of_passages}
    rest = {key: value for key, value in entry.items() if key in of_topics or key not in of_passages}
    return rest | {"corpus": name}, described


def _flat(
    owner: type[BaseModel], registry: Registry[Any], entry: Mapping[str, Any], file: str, path: str, context: Any
) -> Any:
    """A class with a component whose settings are at the same level (`source: files, passages: …`)."""
    component = _get(registry, entry.get("source", "files"), file, f"{path}.source")
    settings, rest = apart(entry, component, owner, "source")
    if unknown := [key for key in rest if key not in owner.model_fields]:
        known = sorted((owner.model_fields.keys() | component.model_fields.keys()) - {"source"})
        raise RankkError(
            f"{file}: {path}.{shown(unknown[0])}: unknown key; source {component.name} has {', '.join(known)}"
        )
    if "language" in owner.model_fields and getattr(component, "fixed_language", None):
        rest.setdefault("language", component.fixed_language)
    source = validate(TypeAdapter(component), settings, file, path, context)
    return validate(TypeAdapter(owner), rest | {"source": source}, file, path, context)


def _tagged(registry: Registry[Any], entry: Mapping[str, Any], file: str, path: str, context: Any) -> Any:
    """A component named by the key `type`."""
    if "type" not in entry:
        raise RankkError(f"{file}: {path}.type: missing; expected one of {', '.join(registry.names())}")
    component = _get(registry, entry["type"], file, f"{path}.type")
    settings = {key: value for key, value in entry.items() if key != "type"}
    if unknown := [key for key in settings if key not in component.model_fields]:
        known = ", ".join(sorted(component.model_fields))
        raise RankkError(f"{file}: {path}.{shown(unknown[0])}: unknown key; type {component.name} has {known}")
    return validate(TypeAdapter(component), settings, file, path, context)


def _get(registry: Registry[Any], name: Any, file: str, path: str) -> Any:
    try:
        return registry.get(name if isinstance(name, str) else repr(name))
    except RankkError as error:
        raise RankkError(f"{file}: {path}: {error}") from None
