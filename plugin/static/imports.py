"""The import system of the static file, whose modules are built-in or frozen, each known by its whole name.

It is frozen as `_frozen_importlib`, in whose place it takes a tenth of the time: CPython's start calls `_install`,
an import statement `_find_and_load`.
"""

import sys


def _install(*_: object) -> None:
    """There is nothing to set up."""


def _find_and_load(name: str, _: object) -> object:
    """The module of that name, executed; raises ModuleNotFoundError where the file has none."""
    import _imp

    if _imp.is_frozen(name):
        return _imp.init_frozen(name)
    if not _imp.is_builtin(name):
        raise ModuleNotFoundError(f"the static file has no module {name}", name=name)
    specification = type(sys.implementation)(name=name)  # type: ignore[call-arg]  # a SimpleNamespace
    module = sys.modules[name] = _imp.create_builtin(specification)  # type: ignore[arg-type]
    _imp.exec_builtin(module)
    return module
