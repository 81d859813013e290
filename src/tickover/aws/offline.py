"""Examines a deployment before it is made: a SAM or CloudFormation template, or a Terraform plan. Nobody is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tickover.app.doctor import Finding, examine
from tickover.aws import cloudformation, terraform, traps
from tickover.aws.blueprint import Blueprint, Function
from tickover.config import Settings
from tickover.errors import ConfigurationError


def examine_file(path: Path, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """What the traps say of a file.

    Args:
        path: a template, or what `terraform show -json` wrote of a plan or a state.
        parameters: values for the template's parameters; a plan has its own.

    Raises:
        ConfigurationError: the file is neither, or a parameter has no value.
    """
    yield from examine_blueprint(_read(path, parameters))


def examine_blueprint(made: Blueprint) -> Iterator[Finding]:
    """What the traps say of a deployment as it is written down."""
    tick = made.doing("tick")
    if tick is None:
        yield traps.told(
            False, "function", "No function has a handler named tick.", "Add one: handlers.tick.handler, or tickover.aws.handlers.tick.", "broken"  # noqa: FBT003  # what the check is about
        )  # fmt: skip
        return
    settings = None if tick.environment is None else Settings.from_env(tick.environment)
    if settings is None:
        said = "The plan does not tell the functions' environment: it holds what AWS only names at apply."
        yield Finding(level="unknown", check="environment", said=said, mend="Look at `terraform show -json` after the apply, or use --live.")  # fmt: skip
    else:
        # How many hops are too many depends on more than the settings: `loops` knows.
        yield from (finding for finding in examine(settings) if finding.check != "hops")
        yield from _settings(made, tick, settings)
    yield from _tick(tick)
    yield from _wakes(made, tick)
    yield from _others(made)


def _read(path: Path, parameters: Mapping[str, str]) -> Blueprint:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"{path} is no JSON: {error}") from error
        if isinstance(found, dict) and ("planned_values" in found or "terraform_version" in found):
            if parameters:
                raise ConfigurationError("A Terraform plan has its variables in it: --parameter is for templates.")
            return terraform.read(found, path.parent)
    return cloudformation.read(cloudformation.parse(text), parameters)


def _settings(made: Blueprint, tick: Function, settings: Settings) -> Iterator[Finding]:
    """What depends on what the function is told."""
    yield traps.application(tick.handler, tick.environment or {})
    yield traps.loops(tick.loops, settings.wake_hops)
    yield traps.reserved(tick.reserved, settings.max_ticks)
    yield traps.timer([timer.expression for timer in made.timers if timer.function == tick.name], settings.profile)
    if settings.wake_queue_url:
        yield traps.mapping(any(source.function == tick.name for source in made.sources))
    if made.pauses:
        yield traps.pause(settings.profile, proxy=made.proxy)


def _tick(tick: Function) -> Iterator[Finding]:
    yield traps.timeout(tick.timeout)
    yield traps.runtime(tick.runtime)
    yield traps.retries(tick.retries)
    yield traps.event_age(tick.event_age)
    yield traps.snap_start(tick.snap_start)
    if tick.compiled is not None:
        yield traps.compiled(tick.compiled)


def _wakes(made: Blueprint, tick: Function) -> Iterator[Finding]:
    if again := [timer.retries for timer in made.timers if timer.function == tick.name]:
        yield traps.timer_retries(max(again))
    for source in made.sources:
        if source.function != tick.name:
            continue
        yield traps.partial_batches(source.partial)
        yield traps.mapping_concurrency(source.most)
        for queue in made.queues:
            if queue.name == source.queue:
                yield traps.visibility(queue.visibility, tick.timeout)
                yield traps.dead_letters(queue.dead_letters)


def _others(made: Blueprint) -> Iterator[Finding]:
    lasting = [function.name for function in made.functions if function.logs is None]
    days = None if lasting else max(function.logs or 0 for function in made.functions)
    yield traps.logs(days)
    roles: dict[str, list[str]] = {}
    for function in made.functions:
        roles.setdefault(function.role or function.name, []).append(function.name)
    yield traps.roles([name for shared in roles.values() if len(shared) > 1 for name in shared])
    yield traps.stars({one.where for one in made.statements if "*" in one.actions or "*" in one.resources})
    yield traps.alarms(made.alarms)
    if (web := made.doing("web")) is not None:
        if web.url is not None:
            yield traps.url(web.url)
        if web.http_api:
            yield traps.web_timeout(web.timeout)
