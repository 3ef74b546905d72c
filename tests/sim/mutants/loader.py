"""Imports a module of the product from changed source."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType

from tests.sim.mutants.mutant import Mutant


class DoesNotApply(Exception):
    """The product no longer has the text that a mutant replaces, or has it more than once."""


def mutated(mutant: Mutant) -> str:
    """The changed source. Raises `DoesNotApply`."""
    spec = find_spec(mutant.module)
    if spec is None or spec.origin is None:
        raise DoesNotApply(f"{mutant.name}: there is no module {mutant.module}")
    source = Path(spec.origin).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise DoesNotApply(
            f"{mutant.name}: {mutant.module} has its text {source.count(mutant.old)} times, not once"
        )
    return source.replace(mutant.old, mutant.new)


def install(mutant: Mutant) -> None:
    """From now on the module is imported changed; it must not have been imported yet. Raises `DoesNotApply`."""
    assert mutant.module not in sys.modules, f"{mutant.module} is imported already"
    sys.meta_path.insert(0, _Finder(mutant.module, mutated(mutant)))


class _Finder:
    def __init__(self, module: str, source: str) -> None:
        self._module = module
        self._source = source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The changed module's specification, None for all others."""
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.origin:
            spec.loader = _Loader(name, spec.origin, self._source)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._source.encode(), self.path)
