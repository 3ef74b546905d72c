"""Writes Python modules as C arrays of bytecode: `freeze.py OUTPUT.c NAME=FILE...`.

Run it with the Python version of the library that the arrays are linked with, since bytecode differs between
versions.
"""

from __future__ import annotations

import marshal
import sys
from pathlib import Path


def main(output: str, *modules: str) -> None:
    """Freeze all modules into one C file that defines `frozen_modules`."""
    files = {name: Path(file) for name, _, file in (module.partition("=") for module in modules)}
    arrays = [array(number, bytecode(name, file)) for number, (name, file) in enumerate(files.items())]
    rows = [row(number, name) for number, name in enumerate(files)]
    table = ["const struct _frozen frozen_modules[] = {", *rows, "    {0, 0, 0, 0, 0},", "};"]
    Path(output).write_text("\n".join(["#include <Python.h>", *arrays, *table, ""]))


def bytecode(name: str, file: Path) -> bytes:
    """The marshalled code of one module, without docstrings and asserts, whatever it is called on this machine."""
    code = compile(file.read_bytes(), f"<frozen {name}>", "exec", dont_inherit=True, optimize=2)
    return marshal.dumps(code)


def array(number: int, data: bytes) -> str:
    """The bytes as a C array."""
    return f"static const unsigned char module_{number}[] = {{{','.join(map(str, data))}}};"


def row(number: int, name: str) -> str:
    """One entry of the table."""
    return f'    {{"{name}", module_{number}, sizeof module_{number}, 0, 0}},'


if __name__ == "__main__":
    main(*sys.argv[1:])
