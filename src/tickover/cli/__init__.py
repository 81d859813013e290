"""The command line `tickover`, for people at a terminal and, with `--json`, for programs. An edge: it needs the extra."""

from __future__ import annotations

import sys

try:
    import rich  # noqa: F401  # asked for here, so that what follows may take both for granted
    import typer  # noqa: F401
except ModuleNotFoundError as error:  # the script is installed with the core, what it needs is not
    print(f"tickover: the command line needs its extra ({error}): pip install 'tickover[cli]'", file=sys.stderr)
    raise SystemExit(3) from None
