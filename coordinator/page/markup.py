"""Makes HTML in which every text is escaped, wherever it comes from: what is HTML has a type of its own."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from protocol.texts import scrub

_EMPTY: Final = frozenset({"meta", "link", "rect"})


class Html(str):
    """Text that is HTML already. Made by this module alone, and by what holds no text from outside."""

    __slots__ = ()


def element(tag: str, /, *content: str, **attributes: str | float) -> Html:
    """One element. Content that is no `Html` is escaped; `class_` stands for `class`, `_` for a dash."""
    named = "".join(
        f' {each.rstrip("_").replace("_", "-")}="{_text(str(value))}"' for each, value in attributes.items()
    )
    if tag in _EMPTY:
        return Html(f"<{tag}{named}/>")
    return Html(f"<{tag}{named}>{join(content)}</{tag}>")


def join(content: Iterable[str]) -> Html:
    """All of it, one after the other; what is no `Html` is escaped."""
    return Html("".join(each if isinstance(each, Html) else _text(each) for each in content))


def table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> Html:
    """A table of rows of cells; a heading that ends in # is of numbers."""
    titles = [*head]
    kinds = ["number" if title.endswith("#") else "text" for title in titles]
    top = element("tr", *map(_heading, titles, kinds))
    body = [element("tr", *map(_cell, row, kinds)) for row in rows]
    drawn = element("table", element("caption", caption), element("thead", top), element("tbody", *body))
    return element("div", drawn, class_="scroll", tabindex=0)


def _heading(title: str, kind: str) -> Html:
    return element("th", title.rstrip("#"), scope="col", class_=kind)


def _cell(content: str, kind: str) -> Html:
    return element("td", content, class_=kind)


def _text(text: str) -> str:
    return escape(scrub(text))
