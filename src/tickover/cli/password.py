"""`tickover password`."""

from __future__ import annotations

from typing import Annotated

import typer

from tickover.cli import show
from tickover.cli.call import Call, verb
from tickover.errors import ConfigurationError

Again = Annotated[
    str,
    typer.Option(
        "--password", prompt=True, hide_input=True, confirmation_prompt=True, show_default=False, metavar="PASSWORD",
        help="What is asked for otherwise, and not shown. A command line is seen by others on this machine.",
    ),
]  # fmt: skip


@verb
def password(call: Call, password: Again) -> None:
    """Ask for a password, and print what TICKOVER_USERS holds in its place.

    From that nobody can tell the password: `TICKOVER_USERS="ann:operate:scrypt$…"` lets Ann log in to the dashboard.
    """
    try:
        from tickover.web.passwords import hash_password
    except ModuleNotFoundError as error:
        raise ConfigurationError(str(error)) from None
    made = hash_password(password)
    if call.json:
        show.document({"password": made})
    else:
        show.say(made)
