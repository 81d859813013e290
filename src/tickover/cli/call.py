"""What every command takes: on which application it works, and whether a person or a program reads the answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer

from tickover import Tickover
from tickover.cli.find import application

P = ParamSpec("P")
_PANEL: Final = "Common options"

App = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="MODULE:ATTR",
        help="The application, such as shop.jobs:jobs. Else TICKOVER_APP, else tool.tickover.app in pyproject.toml.",
        rich_help_panel=_PANEL,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Instead of an application, where no handlers are needed. Without either: TICKOVER_DATABASE_URL, DATABASE_URL.",
        rich_help_panel=_PANEL,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Answer in JSON on stdout, for programs.", rich_help_panel=_PANEL, show_default=False),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a command was called."""

    app: str | None = None
    database: str | None = None
    json: bool = False
    #: The verb that follows in the line, for a noun such as `queues`; None when none does.
    then: str | None = None

    def jobs(self, *, handlers: bool = False, tables: bool = True) -> Tickover:
        """The application.

        Args:
            handlers: whether the verb needs them.
            tables: whether the verb needs this version's tables; else nothing is opened yet.

        Raises:
            ConfigurationError: none is named.
            MigrationRequired: the database's tables are older or newer: a verb that only reads would show what is not so.
        """
        found = application(self.app, self.database, handlers=handlers)
        if tables:
            from tickover.store.migrate import check_version, current

            try:
                check_version(current(found._core.database))  # noqa: SLF001  # the version is nobody's question but an edge's
            except BaseException:
                found.close()
                raise
        return found


def verb(body: Callable[Concatenate[Call, P], None]) -> Callable[..., None]:
    """Makes a command of `body`: its own options, and the common ones, gathered in its first argument.

    The common options may stand before the verb as well as behind it; what stands behind wins.
    """

    @wraps(body)
    def command(context: typer.Context, app: str | None, database: str | None, json: bool, **options: Any) -> None:
        before = context.obj if isinstance(context.obj, Call) else Call()
        named = (app, database) if app or database else (before.app, before.database)
        call = Call(app=named[0], database=named[1], json=json or before.json, then=context.invoked_subcommand)
        context.obj = call
        body(call, **options)  # type: ignore[call-arg]  # Typer passes what the signature below asks for

    # Typer reads signatures and knows no groups of options, so the command's is made of the two.
    signature = inspect.signature(body, eval_str=True)
    given = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *list(signature.parameters.values())[1:],
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, default, annotation in (("app", None, App), ("database", None, Database), ("json", False, Json))
        ),
    ]
    command.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined]  # functions may have one
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in given}
    return command
