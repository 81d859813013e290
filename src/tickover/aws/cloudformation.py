"""Reads a SAM or CloudFormation template into a blueprint: no account, no deployment, only the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tickover.aws.blueprint import Blueprint, Function, Queue, Source, Statement, Timer, listed, statements
from tickover.aws.intrinsics import Intrinsics
from tickover.errors import ConfigurationError

_TIMERS: Final = ("Schedule", "ScheduleV2")


def parse(text: str) -> dict[str, Any]:
    """A template's YAML or JSON, with short tags such as `!Ref X` in their long form.

    Raises:
        ConfigurationError: it is no template, or PyYAML is missing.
    """
    try:
        import yaml  # type: ignore[import-untyped]  # its types are a package of their own, for this one call
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"Reading a template needs PyYAML: pip install 'tickover[aws]' ({error}).") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # as above
        """Safe YAML, and CloudFormation's tags."""

    def tagged(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        by_kind = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}
        make = by_kind.get(node.id, loader.construct_mapping)
        made = make(node) if node.id == "scalar" else make(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": made}

    Loader.add_multi_constructor("!", tagged)
    try:
        found = yaml.load(text, Loader)  # noqa: S506  # a SafeLoader, with tags that make plain values
    except yaml.YAMLError as error:
        raise ConfigurationError(f"The template is no YAML: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise ConfigurationError("The file has no Resources: it is no SAM or CloudFormation template.")
    return found


def read(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Blueprint:
    """What a template says, with these values for its parameters."""
    made = _Reader(template, Intrinsics(template, parameters))
    return Blueprint(
        functions=tuple(made.functions()),
        queues=tuple(made.queues()),
        sources=tuple(made.sources()),
        timers=tuple(made.timers()),
        statements=tuple(made.statements()),
        alarms=frozenset(p.get("MetricName", "") for _, p in made.of("AWS::CloudWatch::Alarm")),
        pauses=any(made.may_pause(p) for _, p in made.of("AWS::RDS::DBCluster")),
        proxy=any(True for _ in made.of("AWS::RDS::DBProxy")),
    )


class _Reader:
    def __init__(self, template: Mapping[str, Any], values: Intrinsics) -> None:
        defaults = values.value((template.get("Globals") or {}).get("Function") or {})
        self._all: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []
        for name, resource in template["Resources"].items():
            condition = resource.get("Condition")
            if condition is None or values.holds(condition):
                properties = values.value(resource.get("Properties") or {})
                if resource["Type"] == "AWS::Serverless::Function":
                    properties = _merged(defaults, properties)
                self._all.append((name, resource["Type"], properties, resource.get("Metadata") or {}))

    def of(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The resources of these types: logical id and properties."""
        return ((name, properties) for name, kind, properties, _ in self._all if kind in kinds)

    def functions(self) -> Iterator[Function]:
        days = {name: p.get("RetentionInDays") for name, p in self.of("AWS::Logs::LogGroup")}
        by_name = {p.get("LogGroupName"): p.get("RetentionInDays") for _, p in self.of("AWS::Logs::LogGroup")}
        calls = {named(p.get("FunctionName")): p for _, p in self.of("AWS::Lambda::EventInvokeConfig")}
        for name, kind, p, about in self._all:
            if kind not in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
                continue
            call = p.get("EventInvokeConfig") or calls.get(name) or {}
            group = named((p.get("LoggingConfig") or {}).get("LogGroup"))
            sam = kind == "AWS::Serverless::Function"
            yield Function(
                name=name, handler=str(p.get("Handler", "")), runtime=str(p.get("Runtime", "")),
                timeout=int(p.get("Timeout", 3)), role=str(p.get("Role", "")),
                environment={key: str(one) for key, one in ((p.get("Environment") or {}).get("Variables") or {}).items()},
                retries=int(call.get("MaximumRetryAttempts", 2)), event_age=int(call.get("MaximumEventAgeInSeconds", 21_600)),
                loops=str(p.get("RecursiveLoop", "Terminate")),
                logs=days.get(group, by_name.get(f"/aws/lambda/{p.get('FunctionName', name)}")),
                reserved=p.get("ReservedConcurrentExecutions"), snap_start=bool(p.get("SnapStart")),
                compiled=about.get("BuildMethod") == "makefile" if sam else None,
                http_api=any(one.get("Type") in ("HttpApi", "Api") for one in (p.get("Events") or {}).values()),
                url=self._url(name, p),
            )  # fmt: skip

    def _url(self, name: str, properties: Mapping[str, Any]) -> frozenset[str] | None:
        made = "FunctionUrlConfig" in properties
        if not made and name not in {named(p.get("TargetFunctionArn")) for _, p in self.of("AWS::Lambda::Url")}:
            return None
        permissions = [p for _, p in self.of("AWS::Lambda::Permission") if named(p.get("FunctionName")) == name]
        allowed = {str(p.get("Action")) for p in permissions}
        return frozenset(allowed | ({"lambda:InvokeFunctionUrl"} if made else set()))  # SAM makes that one by itself

    def queues(self) -> Iterator[Queue]:
        for name, p in self.of("AWS::SQS::Queue"):
            yield Queue(name=name, visibility=int(p.get("VisibilityTimeout", 30)), dead_letters="RedrivePolicy" in p)

    def sources(self) -> Iterator[Source]:
        for name, event in self._events("SQS"):
            yield _source(event, function=name, queue=event.get("Queue"))
        for _, p in self.of("AWS::Lambda::EventSourceMapping"):
            yield _source(p, function=named(p.get("FunctionName")), queue=p.get("EventSourceArn"))

    def timers(self) -> Iterator[Timer]:
        for name, event in self._events(*_TIMERS):
            expression = str(event.get("Schedule") or event.get("ScheduleExpression"))
            yield _timer(event, function=name, expression=expression)
        for _, p in self.of("AWS::Scheduler::Schedule"):
            target = p.get("Target") or {}
            yield _timer(target, function=named(target.get("Arn")), expression=str(p.get("ScheduleExpression")))
        for _, p in self.of("AWS::Events::Rule"):
            for target in listed(p.get("Targets")) if "ScheduleExpression" in p else ():
                # A rule's asynchronous invocation is retried by the function's own settings.
                expression = str(p["ScheduleExpression"])
                yield Timer(function=named(target.get("Arn")), expression=expression, retries=0)

    def statements(self) -> Iterator[Statement]:
        for name, p in self.of("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            yield from statements(name, p.get("PolicyDocument"))
        for name, p in self.of("AWS::IAM::Role", "AWS::Serverless::Function"):
            for policy in listed(p.get("Policies")):
                yield from statements(
                    name, policy.get("PolicyDocument", policy) if isinstance(policy, Mapping) else None
                )

    def may_pause(self, cluster: Mapping[str, Any]) -> bool:
        """Whether an Aurora cluster pauses when nobody asks it anything."""
        scaling = cluster.get("ServerlessV2ScalingConfiguration") or {}
        return "MinCapacity" in scaling and float(scaling["MinCapacity"]) == 0

    def _events(self, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, p in self.of("AWS::Serverless::Function"):
            for event in (p.get("Events") or {}).values():
                if event.get("Type") in kinds:
                    yield name, event.get("Properties") or {}


def named(value: Any) -> str:
    """The logical id in a reference to a resource: by itself, in an ARN, or at the end of an address."""
    return str(value or "").rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _source(p: Mapping[str, Any], *, function: str, queue: Any) -> Source:
    most = (p.get("ScalingConfig") or {}).get("MaximumConcurrency")
    partial = "ReportBatchItemFailures" in listed(p.get("FunctionResponseTypes"))
    return Source(queue=named(queue), function=function, partial=partial, most=None if most is None else int(most))


def _timer(p: Mapping[str, Any], *, function: str, expression: str) -> Timer:
    again = (p.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185)
    return Timer(function=function, expression=expression, retries=int(again))


def _merged(defaults: Any, own: Any) -> Any:
    """SAM's Globals under a function's own properties: maps are merged, lists are joined, anything else is replaced."""
    if isinstance(defaults, Mapping) and isinstance(own, Mapping):
        return {**defaults, **{key: _merged(defaults.get(key), value) for key, value in own.items()}}
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own
