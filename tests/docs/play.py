"""Plays a page: its Python in one module, its commands in one folder, its SQL in one transaction."""

from __future__ import annotations

import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Final

import psycopg

from tests.docs.pages import Block

_FILE: Final = re.compile(r"^# ([\w/]+\.py)$")
_PROGRAMS: Final = {"python": [sys.executable], "tickover": [sys.executable, "-m", "tickover"]}


class Player:
    """What the blocks of one page share."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.database_url = database_url
        self.module = ModuleType("page")
        self.printed = ""

    def play(self, block: Block) -> None:
        """Runs one block; raises when it does not do what it says."""
        match block.language:
            case "python":
                self._python(block)
            case "console":
                self._console(block)
            case "sql" if self.database_url.startswith("postgresql"):
                self._sql(block)
            case "text" if block.info == "output":
                assert_output(block.place, said=self.printed, shown=block.text)

    def _python(self, block: Block) -> None:
        # Moved down to where it stands in the page, so that a traceback names its line there.
        code = compile("\n" * block.line + block.text, block.page, "exec")
        if first := _FILE.match(block.text.split("\n", 1)[0]):
            self._write(Path(first[1]), block.text)
            return
        with redirect_stdout(io.StringIO()) as out:
            exec(code, self.module.__dict__)
        self.printed = out.getvalue()

    def _write(self, path: Path, text: str) -> None:
        """A file of the page's folder: later blocks import it or run it."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.modules.pop(".".join(path.with_suffix("").parts), None)  # it may be a newer version
        importlib.invalidate_caches()

    def _console(self, block: Block) -> None:
        for command, shown in commands(block):
            words = shlex.split(command)
            env = dict(os.environ)
            while words and re.match(r"[A-Z_]+=", words[0]):
                key, _, value = words.pop(0).partition("=")
                env[key] = value
            if words[0] == "export":
                os.environ.update(dict(word.split("=", 1) for word in words[1:]))  # the test puts the environment back
                continue
            assert words[0] in _PROGRAMS, f"{block.place}: `{words[0]}` is not run here; say <!-- not run: why -->"
            done = subprocess.run(
                [*_PROGRAMS[words[0]], *words[1:]],
                cwd=self.folder,
                env={**env, "COLUMNS": "110", "NO_COLOR": "1", "PYTHONPATH": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            said = done.stdout
            assert done.returncode == 0, f"{block.place}: `{command}` exits with {done.returncode}:\n{said}"
            if shown.strip():
                assert_output(f"{block.place}: {command}", said=said, shown=shown)

    def _sql(self, block: Block) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(block.text.encode())
            connection.rollback()


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", block.text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        found.append((command, shown))
    assert found, f"{block.place}: a console block begins with `$ `"
    return found


def assert_output(place: str, *, said: str, shown: str) -> None:
    """What was printed is what the page shows, where `…` is anything and a run of white space is one blank."""

    def even(text: str) -> str:
        return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())

    pattern = re.escape(even(shown)).replace("…", ".*")
    assert re.fullmatch(pattern, even(said), re.DOTALL), f"{place} prints:\n{said}\ninstead of:\n{shown}"


def forget(folder: Path) -> None:
    """Modules that a page brought are not there for the next one."""
    for key, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[key]
