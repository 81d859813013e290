"""Imports an application by its name, `package.module:attr`, and says in one line why that cannot be done."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any, Final, NoReturn

from tickover.app import Tickover
from tickover.errors import ConfigurationError

EXAMPLE: Final = "package.module:attr"


def load(name: str, *folders: Path) -> Tickover:
    """Imports `package.module:attr`, with `folders` importable as if Python had been started there."""
    module, _, attr = name.partition(":")
    if not module or not attr:
        raise ConfigurationError(f"{name!r} names no application: expected {EXAMPLE}, such as shop.jobs:jobs.")
    for folder in reversed(folders):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    found: Any = _imported(module)
    for part in attr.split("."):
        if not hasattr(found, part):
            _refuse_attr(module, attr)
        found = getattr(found, part)
    if not isinstance(found, Tickover):
        raise ConfigurationError(f"{name} is a {type(found).__name__}, not a Tickover application.")
    return found


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's module raises, it cannot be used
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            said = f"There is no module {error.name!r}, looked for from {Path.cwd()}"
            raise ConfigurationError(f"{said}: is the name right, and is this the folder?") from error
        raise ConfigurationError(
            f"{module} cannot be imported: {type(error).__name__}: {error}{_place(error)}"
        ) from error


def _place(error: BaseException) -> str:
    """Where the user's code raised, as far as that is known; the import machinery and this file are not the user's."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    theirs = [frame for frame in frames if frame.filename not in (__file__, importlib.__file__)]
    return f" ({theirs[-1].filename}, line {theirs[-1].lineno})" if theirs else ""


def _refuse_attr(module: str, attr: str) -> NoReturn:
    there = sorted(name for name, value in vars(sys.modules[module]).items() if isinstance(value, Tickover))
    hint = f"; it has {', '.join(f'{module}:{name}' for name in there)}" if there else ""
    raise ConfigurationError(f"{module} has no {attr!r}{hint}.")
