"""Reads a Terraform plan or state, as `terraform show -json` writes it, into a blueprint.

What AWS will only decide at apply, such as an ARN, is not in a plan, and so neither is an environment that holds one. What
refers to what is told by the instance's key or by the reference in the code.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tickover.aws.blueprint import Blueprint, Function, Queue, Source, Statement, Timer, statements


def read(shown: Mapping[str, Any], folder: Path) -> Blueprint:
    """What a plan or a state says; names of files in it are looked for from `folder` on."""
    made = _Reader(shown, folder)
    return Blueprint(
        functions=tuple(made.functions()),
        queues=tuple(made.queues()),
        sources=tuple(made.sources()),
        timers=tuple(made.timers()),
        statements=tuple(made.statements()),
        alarms=frozenset(one["values"].get("metric_name", "") for one in made.of("aws_cloudwatch_metric_alarm")),
        pauses=any(made.may_pause(one["values"]) for one in made.of("aws_rds_cluster")),
        proxy=any(True for _ in made.of("aws_db_proxy")),
    )


class _Reader:
    def __init__(self, shown: Mapping[str, Any], folder: Path) -> None:
        self._folder = folder
        self._all = list(_resources((shown.get("planned_values") or shown["values"]).get("root_module") or {}))
        self._code = _code(shown.get("configuration", {}).get("root_module") or {}, "")
        changes = shown.get("resource_changes") or []
        self._later = {one["address"]: one["change"].get("after_unknown") or {} for one in changes}
        self._lambdas = list(self.of("aws_lambda_function"))

    def of(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """The resources of these types."""
        return (one for one in self._all if one["type"] in kinds)

    def functions(self) -> Iterator[Function]:
        calls = {self._target(one): one["values"] for one in self.of("aws_lambda_function_event_invoke_config")}
        loops = {self._target(one): one["values"] for one in self.of("aws_lambda_function_recursion_config")}
        groups = {v.get("name"): v.get("retention_in_days") or None for one in self.of("aws_cloudwatch_log_group") for v in [one["values"]]}  # fmt: skip
        urls = {self._target(one) for one in self.of("aws_lambda_function_url")}
        for one in self._lambdas:
            values, name = one["values"], one["values"]["function_name"]
            call = calls.get(name, {})
            config = (values.get("logging_config") or [{}])[0]
            yield Function(
                name=name, handler=values.get("handler") or "", runtime=values.get("runtime") or "",
                timeout=values.get("timeout") or 3, environment=self._environment(one),
                role=values.get("role") or self._referred(one, "role"),
                retries=call.get("maximum_retry_attempts", 2), event_age=call.get("maximum_event_age_in_seconds", 21_600),
                loops=loops.get(name, {}).get("recursive_loop", "Terminate"),
                logs=groups.get(config.get("log_group") or f"/aws/lambda/{name}"),
                reserved=None if values.get("reserved_concurrent_executions", -1) in (-1, None) else values["reserved_concurrent_executions"],
                snap_start=any(on.get("apply_on") == "PublishedVersions" for on in values.get("snap_start") or ()),
                compiled=_compiled(self._folder, values.get("filename")), url=self._allowed(name) if name in urls else None,
            )  # fmt: skip

    def queues(self) -> Iterator[Queue]:
        for one in self.of("aws_sqs_queue"):
            values, later = one["values"], self._later.get(one["address"], {})
            dead = bool(values.get("redrive_policy") or later.get("redrive_policy"))
            visibility = values.get("visibility_timeout_seconds", 30)
            yield Queue(name=_at(one["address"]), visibility=visibility, dead_letters=dead)

    def sources(self) -> Iterator[Source]:
        for one in self.of("aws_lambda_event_source_mapping"):
            values = one["values"]
            most = next((on.get("maximum_concurrency") for on in values.get("scaling_config") or ()), None)
            partial = "ReportBatchItemFailures" in (values.get("function_response_types") or ())
            yield Source(queue=self._queue(one), function=self._target(one), partial=partial, most=most)

    def timers(self) -> Iterator[Timer]:
        for one in self.of("aws_scheduler_schedule"):
            policy: Mapping[str, Any] = next((on for target in one["values"].get("target") or () for on in target.get("retry_policy") or ()), {})  # fmt: skip
            expression, again = one["values"]["schedule_expression"], policy.get("maximum_retry_attempts", 185)
            yield Timer(function=self._target(one), expression=expression, retries=again)
        for one in self.of("aws_cloudwatch_event_rule"):
            if expression := one["values"].get("schedule_expression"):
                yield Timer(function=self._target(one), expression=expression, retries=0)

    def statements(self) -> Iterator[Statement]:
        for one in self.of("aws_iam_policy", "aws_iam_role_policy"):
            text = one["values"].get(
                "policy"
            )  # absent where it names what is not there yet, and then it has no bare star
            yield from statements(one["address"], json.loads(text) if text else None)

    def may_pause(self, cluster: Mapping[str, Any]) -> bool:
        """Whether an Aurora cluster pauses when nobody asks it anything."""
        return any(on.get("min_capacity") == 0 for on in cluster.get("serverlessv2_scaling_configuration") or ())

    # --- what refers to what ------------------------------------------------------------------------------------------

    def _target(self, one: Mapping[str, Any]) -> str:
        """The name of the function that a resource is for."""
        name = one["values"].get("function_name")
        if name:
            return str(name).rsplit(":", 1)[-1]
        key = one.get("index")
        for made in self._lambdas:
            if key is not None and made.get("index") == key:
                return str(made["values"]["function_name"])
        said = self._referred(one, "function_name") or self._referred(one, "target")
        for made in self._lambdas:
            if said and made["address"].endswith(said):
                return str(made["values"]["function_name"])
        return ""

    def _referred(self, one: Mapping[str, Any], argument: str) -> str:
        """The resource that the code names for an argument, with the instance's own key where it says each.key."""
        found = _references(self._code.get(_unkeyed(one["address"]), {}).get(argument))
        made = [ref for ref in found if not ref.startswith(("each.", "local.", "var.", "data."))]
        if not made:
            return ""
        named = next((ref for ref in made if ref.endswith("]")), min(made, key=len))
        return f'{named}["{one["index"]}"]' if "each.key" in found and one.get("index") is not None else named

    def _queue(self, one: Mapping[str, Any]) -> str:
        """The queue of a mapping: by its ARN in a state, by the code's reference in a plan."""
        name = str(one["values"].get("event_source_arn") or "").rsplit(":", 1)[-1]
        for queue in self.of("aws_sqs_queue"):
            if name and queue["values"].get("name") == name:
                return _at(queue["address"])
        said = self._referred(one, "event_source_arn")
        return _at(said) if said.startswith("aws_sqs_queue.") else ""

    def _environment(self, one: Mapping[str, Any]) -> Mapping[str, str] | None:
        later = self._later.get(one["address"], {}).get("environment") or ()
        if any(on.get("variables") for on in later if isinstance(on, Mapping)):
            return None
        known = next((on.get("variables") or {} for on in one["values"].get("environment") or ()), {})
        return {name: value for name, value in known.items() if value is not None}

    def _allowed(self, name: str) -> frozenset[str]:
        return frozenset(
            str(one["values"].get("action")) for one in self.of("aws_lambda_permission") if self._target(one) == name
        )


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (one for one in module.get("resources") or () if one.get("mode", "managed") == "managed")
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _code(module: Mapping[str, Any], prefix: str) -> dict[str, Mapping[str, Any]]:
    """The expressions of each resource, by its address without an instance's key."""
    found = {f"{prefix}{one['address']}": one.get("expressions") or {} for one in module.get("resources") or ()}
    for name, call in (module.get("module_calls") or {}).items():
        found |= _code(call.get("module") or {}, f"{prefix}module.{name}.")
    return found


def _references(expression: Any) -> list[str]:
    """All references in an expression, however deep its blocks."""
    if isinstance(expression, list):
        return [ref for one in expression for ref in _references(one)]
    if not isinstance(expression, Mapping):
        return []
    return [*expression.get("references", ()), *(ref for one in expression.values() for ref in _references(one))]


def _unkeyed(address: str) -> str:
    """An address as the code has it: without the key of the last part."""
    return re.sub(r"\[[^]]*\]$", "", address)


def _at(address: str) -> str:
    """The type and name in an address, without the modules in front of it."""
    return ".".join(_unkeyed(address).split(".")[-2:])


def _compiled(folder: Path, filename: Any) -> bool | None:
    """Whether the zip on this machine has bytecode that counts; None where there is none to look at."""
    if not isinstance(filename, str) or not zipfile.is_zipfile(folder / filename):
        return None
    with zipfile.ZipFile(folder / filename) as archive:
        first = next((name for name in archive.namelist() if name.endswith(".pyc")), None)
        # Bytes 4 to 8 say how a pyc is checked against its source: 1 is by hash, and not at all.
        return first is not None and archive.read(first)[4:8] == b"\x01\x00\x00\x00"
