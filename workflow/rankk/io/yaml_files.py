"""Reading users' YAML files: a repeated key, or a file that expands without limit, is an error of one line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from rankk.errors import RankkError
from rankk.io.kept import kept
from rankk.io.text import read_text

LARGEST = 100_000
"""Values in a file, counted with those that its aliases repeat; the shipped catalog has a few thousand."""
SHOWN = 300
"""Characters of an error's description that are shown."""
DEEPEST = 50
"""Levels of lists and mappings within each other."""


class _Refused(yaml.MarkedYAMLError):
    """Valid YAML that is rejected."""


class _Loader(yaml.SafeLoader):
    """YAML's plain values; a key that stands twice in a mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, yaml.Node] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # keys beside `<<` win over the merged ones
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                text = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
                raise _Refused(
                    problem=f"{text} as a key is no text for YAML; put it in quotes", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise _Refused(
                    problem=f"{key!r} stands twice, first in line {seen[key].start_mark.line + 1}",
                    problem_mark=key_node.start_mark,
                )
            seen[key] = key_node
        return super().construct_mapping(node, deep)

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        """Begin a list or mapping in brackets. Too many levels are refused here: the scanner's time is quadratic."""
        super().fetch_flow_collection_start(TokenClass)
        self._refuse_depth(self.flow_level)

    def add_indent(self, column: int) -> bool:
        """Begin a list or mapping by indentation, with the same check."""
        added = bool(super().add_indent(column))
        self._refuse_depth(len(self.indents))
        return added

    def _refuse_depth(self, levels: int) -> None:
        if levels > 2 * DEEPEST:  # exact counts follow when the text is read
            raise _Refused(problem=f"more than {DEEPEST} levels", problem_mark=self.get_mark())

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A number in plain decimal digits: YAML 1.1 reads 010 as 8 and 1:30 as 90."""
        whole = node.tag.endswith("int")
        value: int | float = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        if ":" in node.value or (whole and re.match(r"[-+]?0[\dbx_]", node.value)):
            raise _Refused(
                problem=f"{node.value} is {value} for YAML; write that, or put it in quotes",
                problem_mark=node.start_mark,
            )
        return value


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text. RankkError names `where` and the line of what is wrong."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_size(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise RankkError(
            f"{where}{line}: {'' if isinstance(error, _Refused) else 'not YAML: '}{what:.{SHOWN}}"
        ) from None
    except RecursionError:
        raise RankkError(f"{where}: nested too deeply") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a number of thousands of digits, a 30th February
        raise RankkError(f"{where}: not YAML: {' '.join(str(error).partition(';')[0].split())}") from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. RankkError names file and line of what is wrong."""
    content = parse_yaml(read_text(path), str(path))
    if not isinstance(content, dict):
        kind = "nothing" if content is None else type(content).__name__
        raise RankkError(f"{path}: expected keys and values, found {kind}")
    return content


def read_yaml_files(paths: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Files with their mappings, which are kept for the next process: files of a catalog hardly ever change."""
    content = sha256("\0".join(f"{path}\0{read_text(path)}" for path in paths).encode()).hexdigest()
    for path in paths:
        yield path, kept(__file__, content, str(path), partial(read_yaml, path))


def dump_yaml(value: Mapping[str, Any]) -> str:
    """YAML of plain values, in their order."""
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=10_000)


def _check_size(root: yaml.Node) -> None:
    """YAML error where a document, with its aliases written out, has too many values or levels."""
    known: dict[int, tuple[int, int]] = {}  # values and levels by node

    def measure(node: yaml.Node, depth: int) -> tuple[int, int]:
        if id(node) not in known:
            children = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                children = [part for pair in children for part in pair]
            # `depth` ends the recursion if an alias is inside the node that it names.
            below = [measure(child, depth + 1) for child in children] if depth < DEEPEST else [(0, DEEPEST)]
            known[id(node)] = 1 + sum(size for size, _ in below), 1 + max((levels for _, levels in below), default=0)
        size, levels = known[id(node)]
        if size > LARGEST or levels > DEEPEST:
            limit = f"{LARGEST} values" if size > LARGEST else f"{DEEPEST} levels"
            raise _Refused(problem=f"more than {limit}, aliases written out", problem_mark=node.start_mark)
        return size, levels

    measure(root, 1)
