"""Inputs made from the corpus by damage that reaches inside JSON and msgpack, and from nothing at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st

from tests.fuzz.border import Border, Shape, pack

EDITS_MAX = 4
DEEP = "<deep>"
"""Stands for lists inside each other, as deep as a reader might just take."""
DIGITS = "<digits>"
"""Stands for a number with more digits than Python turns into one."""
DEPTHS = (400, 505, 990, 100_000)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "",
                "{0}",
                "{field}",
                "##STATE:x:##",
                "not found",
                "a\nb",
                "\x00",
                "\x1b[2J",
                "\ud800",
                "a" * 3000,
                "fe80::1",
            ),
            *(
                "10.55.0.2",
                "10.55.0.0/24",
                "0.0.0.0/0",
                "255.255.255.255/32",
                "999.1.1.1",
                "٣.1.1.1",
                DEEP,
                DIGITS,
            ),
            *(-1, 0, 2**31, 2**53, 2**63 - 1, 2**64 - 1, 1e400, True),
        ]
    ),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def inputs(border: Border) -> st.SearchStrategy[bytes]:
    """Damaged members of the corpus, mostly; now and then bytes that come from nowhere."""
    seeds = st.sampled_from([path.read_bytes() for path in border.corpus()])
    of_seed = seeds.flatmap(lambda kept: _damaged(border, kept))
    return st.one_of(of_seed, of_seed, of_seed, st.binary(max_size=300))


def _damaged(border: Border, kept: bytes) -> st.SearchStrategy[bytes]:
    scarred = st.lists(_edit(), min_size=1, max_size=EDITS_MAX).map(
        lambda edits: _apply(border.input_of(kept), edits)
    )
    if border.shape is Shape.BYTES:
        return scarred
    head, _, body = kept.rpartition(b"\n") if border.shape is Shape.STATUS_JSON else (b"", b"", kept)
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return scarred
    writer = _as_msgpack if border.shape is Shape.MSGPACK_JSON else _as_json
    heads = st.sampled_from([head, b"200", b"400", b"404", b"503"]) if head else st.just(b"")
    inside = st.builds(
        lambda top, changed, depth: (top + b"\n" if top else b"") + writer(changed, depth),
        heads,
        _changed(tree),
        st.sampled_from(DEPTHS),
    )
    return st.one_of(inside, inside, scarred)


# Bytes


def _edit() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    return st.builds(
        _cut_in, st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8) | st.sampled_from([b"[" * 2000, b'"'])
    )


def _cut_in(where: float, length: int, put: bytes) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        start = int(where * len(data))
        return data[:start] + put + data[start + length :]

    return edit


def _apply(data: bytes, edits: list[Callable[[bytes], bytes]]) -> bytes:
    for edit in edits:
        data = edit(data)
    return data


# Trees


@st.composite
def _changed(draw: st.DrawFn, tree: Any) -> Any:
    for _ in range(draw(st.integers(1, EDITS_MAX))):
        tree = _change(draw, tree)
    return tree


def _change(draw: st.DrawFn, node: Any) -> Any:
    """The tree with one node somewhere in it replaced, left out, or doubled."""
    if not isinstance(node, dict | list) or not node or draw(st.integers(0, 5)) == 0:
        return draw(JUNK)
    if isinstance(node, list):
        at = draw(st.integers(0, len(node) - 1))
        how = draw(st.sampled_from(["in", "in", "drop", "twice"]))
        middle = {"drop": [], "twice": [node[at]] * 2}.get(how)
        return [*node[:at], *([_change(draw, node[at])] if middle is None else middle), *node[at + 1 :]]
    key = draw(st.sampled_from(sorted(node, key=str)))
    how = draw(st.sampled_from(["in", "in", "in", "drop", "more"]))
    if how == "drop":
        return {name: value for name, value in node.items() if name != key}
    if how == "more":
        return {**node, draw(st.text(max_size=9)): draw(JUNK)}
    return {**node, key: _change(draw, node[key])}


def _as_json(tree: Any, depth: int) -> bytes:
    text = json.dumps(tree)
    return text.replace(f'"{DEEP}"', "[" * depth + "]" * depth).replace(f'"{DIGITS}"', "9" * 5000).encode()


def _as_msgpack(tree: Any, depth: int) -> bytes:
    try:
        packed = pack(tree)
    except (ValueError, OverflowError):  # text that is no Unicode, or a number that msgpack has no form for
        return b"\x80"
    return packed.replace(b"\xa6<deep>", b"\x91" * depth + b"\xc0")
