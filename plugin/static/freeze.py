"""Writes Python modules as C arrays of bytecode: `freeze.py OUTPUT.c NAME=FILE...`.

Run it with the Python version of the library that the arrays are linked with, since bytecode differs between
versions.
"""

from __future__ import annotations

import marshal
import sys
from pathlib import Path
from types import CodeType


def main(output: str, *modules: str) -> None:
    """Freeze all modules into one C file that defines `frozen_modules`, and `names` with all that they name."""
    files = {name: Path(file) for name, _, file in (module.partition("=") for module in modules)}
    codes = {name: compiled(name, file) for name, file in files.items()}
    arrays = [array(number, marshal.dumps(code)) for number, code in enumerate(codes.values())]
    rows = [row(number, name) for number, name in enumerate(files)]
    table = ["const struct _frozen frozen_modules[] = {", *rows, "    {0, 0, 0, 0, 0},", "};"]
    named = sorted(set().union(*map(names, codes.values())))
    index = [f"const size_t names_count = {len(named)};", f"const char *const names[] = {{{quoted(named)}}};"]
    Path(output).write_text("\n".join(["#include <Python.h>", *arrays, *table, *index, ""]))


def compiled(name: str, file: Path) -> CodeType:
    """The code of one module, without docstrings and asserts, whatever it is called on this machine."""
    return compile(file.read_bytes(), f"<frozen {name}>", "exec", dont_inherit=True, optimize=2)


def names(code: CodeType) -> set[str]:
    """Every global name and attribute of the code, and of what is defined in it."""
    inner = [names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def quoted(words: list[str]) -> str:
    """The words as C strings."""
    return ",".join(f'"{word}"' for word in words)


def array(number: int, data: bytes) -> str:
    """The bytes as a C array."""
    return f"static const unsigned char module_{number}[] = {{{','.join(map(str, data))}}};"


def row(number: int, name: str) -> str:
    """One entry of the table."""
    return f'    {{"{name}", module_{number}, sizeof module_{number}, 0, 0}},'


if __name__ == "__main__":
    main(*sys.argv[1:])
