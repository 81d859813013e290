"""`python -m tickover` is the command line."""

from __future__ import annotations

from tickover.cli.main import main

if __name__ == "__main__":
    main()
