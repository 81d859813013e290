"""`tickover doctor`: what is wrong with a configuration or a stack, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from tickover.app.doctor import Finding, examine
from tickover.cli import show
from tickover.cli.call import Call, verb
from tickover.config import Settings
from tickover.errors import TickoverError

_UNHEALTHY: Final = 4
_STYLES: Final = {"ok": "green", "warning": "yellow", "broken": "red", "unknown": "dim"}


@verb
def doctor(
    call: Call,
    *,
    live: Annotated[bool, typer.Option("--live", help="Also ask AWS about the deployed functions.")] = False,
    web: Annotated[str | None, typer.Option("--web", metavar="NAME", help="The web function, for --live.")] = None,
    template: Annotated[
        Path | None,
        typer.Option("--template", metavar="FILE", help="Look at a SAM template, or `terraform show -json`, instead."),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", metavar="NAME=VALUE", help="A parameter of the template.")
    ] = None,
) -> None:
    """Look for what goes wrong in short invocations, and say how to mend it. Nothing is changed.

    Exit code 4 when something is broken, 0 when there are warnings at most.
    """
    findings = _found(call, live=live, web=web) if template is None else _written(template, parameter or ())
    if call.json:
        show.document([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            show.say(f"{finding.level}: {finding.said} {finding.mend}".strip(), style=_STYLES[finding.level])
    if any(finding.level == "broken" for finding in findings):
        raise typer.Exit(_UNHEALTHY)


def _written(template: Path, parameters: Sequence[str]) -> list[Finding]:
    from tickover.aws.offline import examine_file

    pairs = [pair.partition("=") for pair in parameters]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"expected NAME=VALUE, not {wrong[0]}", param_hint="--parameter")
    return list(examine_file(template, {name: value for name, _, value in pairs}))


def _found(call: Call, *, live: bool, web: str | None) -> list[Finding]:
    try:
        with call.jobs(tables=False) as jobs:
            settings, url = jobs.settings, str(getattr(jobs._core.database, "target", ""))  # noqa: SLF001  # only its scheme and whether it has a password
            url = url if "://" in url else f"sqlite:///{url}"
            found = list(examine(settings, url))
            try:
                health = jobs.health()
                well = Finding(level="ok", check="database", said=f"The database answers ({health.database}).")
                found += [well, *(Finding(level="warning", check="health", said=said) for said in health.problems)]
            except TickoverError as error:
                found.append(
                    Finding(
                        level="broken",
                        check="database",
                        said=str(error),
                        mend="Run `tickover migrate`, or see why it cannot be reached.",
                    )
                )
    except TickoverError as error:
        settings = Settings.from_env()
        found = [
            Finding(
                level="broken", check="application", said=str(error), mend="Name an application that can be imported."
            ),
            *examine(settings),
        ]
    if live:
        from tickover.aws.doctor import examine_stack

        found += examine_stack(settings, web=web)
    return found
