"""The pages people read, taken apart: their fenced blocks, their headings, their links.

How a page says what is to be done with a block:

- ```` ```python ```` runs in the page's own module, in the page's folder, which has a migrated `jobs.db`. One that begins
  with a comment such as `# shop.py` is that file: it is written there, for later blocks to import or run.
- ```` ```console ```` has commands after `$ `, and below each the output it must have, if any is shown; `…` stands for
  anything.
- ```` ```text output ```` is what the Python block above it prints, in the same way.
- ```` ```sql ```` runs on a page that says `<!-- database: postgresql -->`, in a transaction that is rolled back.
- `<!-- not run: reason -->` above a block exempts it, and `test_blocks.py` lists it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).as_posix(),
)
LANGUAGES: Final = frozenset({"python", "console", "sql", "text", "mermaid", "crontab", "ini", "toml", "yaml", "json"})

_FENCE: Final = re.compile(r"^```(.*)$")
_NOTE: Final = re.compile(r"^<!-- not run: (.+) -->$")
_DATABASE: Final = re.compile(r"^<!-- database: (\w+) -->$", re.MULTILINE)
_LINK: Final = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    #: What follows the language on the fence.
    info: str
    text: str
    #: Why it is not run; None when it is.
    excuse: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def name(page: Path) -> str:
    """How tests call a page."""
    return page.relative_to(ROOT).as_posix()


def database(page: Path) -> str:
    """The kind of database a page's blocks run on."""
    found = _DATABASE.search(page.read_text(encoding="utf-8"))
    return found[1] if found else "sqlite"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    above = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is not None and fence is not None:
            language, _, info = opened[1].partition(" ")
            note = _NOTE.match(above)
            text = "\n".join(inside) + "\n"
            yield Block(name(page), opened[0], language, info, text, note[1] if note else None)
            opened, inside, above = None, [], ""
        elif fence is not None:
            opened = (number, fence[1].strip())
        elif opened is not None:
            inside.append(line)
        elif line.strip():
            above = line.strip()
    assert opened is None, f"{name(page)}:{opened and opened[0]}: a fence is not closed"


def prose(page: Path) -> list[str]:
    """The lines of a page outside its blocks."""
    lines, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            lines.append(line)
    return lines


def links(page: Path) -> list[str]:
    """The targets of a page's links."""
    return [target for line in prose(page) for target in _LINK.findall(line)]


def anchors(page: Path) -> set[str]:
    """What `#…` of a link to this page may be, by the rule of GitHub and of most renderers."""
    found = set()
    for line in prose(page):
        if line.startswith("#"):
            title = line.lstrip("#").strip().lower().replace("`", "")
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def code_words(page: Path) -> set[str]:
    """Everything that a page puts between backticks in its prose."""
    return {word.strip("`") for line in prose(page) for word in _CODE.findall(line)}
