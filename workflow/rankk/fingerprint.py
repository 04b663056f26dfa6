"""Fingerprints of the code that decides a result, which rules pass to Snakemake as a parameter.

Snakemake's own "code" trigger would rerun GPU jobs after an edited comment. A fingerprint covers the definitions that a
component can reach and nothing else: its class, the functions, classes and constants that it names, and what those name
in turn, in rankk and in the packages of plugins. Comments, docstrings, positions in the file and unreachable
definitions do not count.
"""

import ast
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from rankk.io.kept import kept

AFFECTS_RESULTS = False

MARKER = "AFFECTS_RESULTS"
"""Modules that set this to False (progress bars, logging) never change a result and are left out."""

CATALOG = Path(__file__).with_name("data")

BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a statement that hold statements."""

Symbol = tuple[str, str]
"""Module and name of a top-level definition; the name is empty for a module as a whole."""


def fingerprint(*symbols: object) -> str:
    """Hash of the code that classes, functions or modules (dotted names) can reach: 16 hexadecimal digits.

    A dotted name stands for all definitions of that module; that of a package for all its modules and data files.
    """
    return _fingerprint(tuple((s, "") if isinstance(s, str) else (s.__module__, s.__qualname__) for s in symbols))  # type: ignore[attr-defined]


@cache
def _fingerprint(symbols: tuple[Symbol, ...]) -> str:
    name = " ".join(f"{module}:{definition}" for module, definition in symbols)
    found: str = kept(__file__, _all_code(frozenset(_plugin_roots())), name, lambda: _computed(symbols))
    return found


@cache
def _all_code(plugins: frozenset[str]) -> str:
    """Hash of all files of rankk and of plugins: no fingerprint changes without it. Takes a tenth of their time."""
    digest = sha256(sys.version.encode())
    for source in filter(None, map(_source, sorted({"rankk", *plugins}))):
        folder = source.path.parent
        for path in sorted(_files(folder)) if source.path.name == "__init__.py" else [source.path]:
            content = path.read_bytes()
            digest.update(f"{source.module} {path.relative_to(folder)} {len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Files of a package, without bytecode and rankk's catalog."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and Path(parent, name) != CATALOG]
        yield from (Path(parent, file) for file in files)


def _computed(symbols: tuple[Symbol, ...]) -> str:
    digest = sha256()
    modules, data = _expanded(symbols)
    for text in sorted(_reachable(modules)):
        digest.update(text.encode() + b"\0")
    for file in data:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _expanded(symbols: tuple[Symbol, ...]) -> tuple[tuple[Symbol, ...], list[Path]]:
    """The symbols, with every package replaced by its modules; and the data files of these packages."""
    modules: list[Symbol] = []
    data: list[Path] = []
    for module, name in symbols:
        source = _source(module)
        modules.append((module, name))
        if name or source is None or source.path.name != "__init__.py":
            continue
        for file in sorted(source.path.parent.rglob("*")):
            parts = file.relative_to(source.path.parent).with_suffix("").parts
            if file.suffix == ".py":
                modules.append((".".join((module, *parts)).removesuffix(".__init__"), ""))
            elif file.is_file() and file.suffix != ".pyc":
                data.append(file)
    return tuple(modules), data


def _reachable(symbols: tuple[Symbol, ...]) -> set[str]:
    """Normalized text of every definition that the symbols reach."""
    todo, seen, texts = list(symbols), set[Symbol](), set[str]()
    while todo:
        symbol = todo.pop()
        if symbol in seen:
            continue
        seen.add(symbol)
        source = _source(symbol[0])
        if source is None or not source.affects_results:
            continue
        names = [symbol[1]] if symbol[1] else list(source.definitions)
        for name in names:
            for statement in source.definitions.get(name, ()):
                texts.add(f"{name}={_normalized(statement)}")
                todo += _references(source, statement)
            if name in source.imports and name not in source.definitions:
                todo.append(source.imports[name])
    return texts


@cache
def _source(module: str) -> "_Source | None":
    """A module of rankk or of a plugin; None for other libraries, and for names that are not modules."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    root = module.partition(".")[0]
    if root != "rankk" and root not in _plugin_roots():
        return None
    if file is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        file = spec.origin if spec else None
    return _Source(module, Path(file)) if file and file.endswith(".py") else None


def _plugin_roots() -> set[str]:
    from rankk.component import plugin_packages

    return plugin_packages()


@dataclass(frozen=True)
class _Source:
    """A module's syntax tree."""

    module: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax without docstrings."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        for node in _statements(tree.body):
            if body := getattr(node, "body", None):
                node.body = [s for s in body if not _is_docstring(s)] or [ast.Pass()]  # type: ignore[attr-defined]
        tree.body = [s for s in tree.body if not _is_docstring(s)]
        return tree

    @cached_property
    def definitions(self) -> dict[str, list[ast.stmt]]:
        """Top-level statements by the names that they define; statements that define no name have the key ""."""
        statements: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            for name in _defined(statement) or [""]:
                statements.setdefault(name, []).append(statement)
        return statements

    @cached_property
    def affects_results(self) -> bool:
        """Whether the module may change a result."""
        return MARKER not in self.definitions

    @cached_property
    def imports(self) -> dict[str, Symbol]:
        """Definitions of imported names."""
        return dict(self.imported(self.tree.body))

    def imported(self, statements: list[ast.stmt]) -> Iterator[tuple[str, Symbol]]:
        """Imported names, and the symbols that they refer to."""
        for node in _statements(statements):
            if isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    submodule = f"{base}.{alias.name}"
                    target = (submodule, "") if _source(submodule) else (base, alias.name)
                    yield alias.asname or alias.name, target
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.asname or alias.name.partition(".")[0], (alias.name, "")

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module if self.path.name == "__init__.py" else self.module.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package


@cache
def _references(source: _Source, statement: ast.stmt) -> list[Symbol]:
    """Symbols that a statement names: definitions of this module, imported ones, attributes of imported modules."""
    imports = source.imports | dict(source.imported([statement]))
    symbols: list[Symbol] = []
    attributes: dict[int, str] = {}
    nodes: list[ast.AST] = [statement]
    for node in nodes:  # grows during the loop; ast.walk takes three times as long
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                nodes += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                nodes.append(value)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes[id(node.value)] = node.attr
        elif isinstance(node, ast.Name):
            if node.id in imports:
                module, name = imports[node.id]
                # `paths.run`: one definition of an imported module; the module itself where it is passed on
                symbols.append((module, attributes.get(id(node), "")) if not name else (module, name))
            elif node.id in source.definitions:
                symbols.append((source.module, node.id))
    return symbols


def _statements(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements and all nested ones, outer ones first; also handlers and cases, which contain statements."""
    nodes: list[ast.AST] = list(statements)
    for node in nodes:
        for field in BLOCKS:
            nodes += getattr(node, field, None) or ()
        yield node


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)]


@cache
def _normalized(statement: ast.stmt) -> str:
    """The statement's syntax without positions."""
    return ast.dump(ast.Module([statement], []))


def _is_docstring(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
