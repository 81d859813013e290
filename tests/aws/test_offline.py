"""The doctor looks at what is not deployed yet: each trap, put into our own template, is named, and so is its mend."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from typer.testing import CliRunner

from tickover.app.doctor import Finding
from tickover.aws import cloudformation, traps
from tickover.aws.offline import examine_file
from tickover.cli.main import app
from tickover.errors import ConfigurationError

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PLAN = Path(__file__).with_name("terraform_plan.json")
Break: TypeAlias = Callable[[dict[str, Any]], Any]
GOOD = {"CodeVersion": "1", "Profile": "zero-idle"}
OPTIONS = [f"--parameter={name}={value}" for name, value in GOOD.items()]


def found(path: Path, parameters: dict[str, str] | None = None) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine_file(path, parameters or {})}


def template() -> dict[str, Any]:
    return cloudformation.parse(TEMPLATE.read_text(encoding="utf-8"))


def written(tmp_path: Path, document: dict[str, Any]) -> Path:
    (tmp_path / "template.json").write_text(json.dumps(document))
    return tmp_path / "template.json"


def of(document: dict[str, Any], resource: str) -> Any:
    return document["Resources"][resource]["Properties"]


def put(resource: str, **changes: Any) -> Break:
    return lambda document: of(document, resource).update(changes)


def variable(name: str, value: Any) -> Break:
    return lambda document: document["Globals"]["Function"]["Environment"]["Variables"].update({name: value})


def without(resource: str, *path: str) -> Break:
    def break_(document: dict[str, Any]) -> None:
        within = document["Resources"] if not path else of(document, resource)
        for part in path[:-1]:
            within = within[part]
        del within[path[-1] if path else resource]

    return break_


def resource(name: str, kind: str, **properties: Any) -> Break:
    return lambda document: document["Resources"].update({name: {"Type": kind, "Properties": properties}})


def all_of(*breaks: Break) -> Break:
    def break_(document: dict[str, Any]) -> None:
        for one in breaks:
            one(document)

    return break_


PAUSES = resource("Db", "AWS::RDS::DBCluster", ServerlessV2ScalingConfiguration={"MinCapacity": 0, "MaxCapacity": 4})
TRAPS: list[tuple[str, Break, str, str]] = [
    ("no tick function", put("TickFunction", Handler="handlers.other.handler"), "function", "broken"),
    ("too short a tick", put("TickFunction", Timeout=5), "timeout", "warning"),
    ("too long a tick", put("TickFunction", Timeout=901), "timeout", "warning"),
    ("a handler without its application", put("TickFunction", Handler="tickover.aws.handlers.tick"), "app", "broken"),
    ("an old runtime", put("TickFunction", Runtime="python3.9"), "runtime", "broken"),
    ("another runtime", put("TickFunction", Runtime="nodejs22.x"), "runtime", "broken"),
    ("retries of its own", without("TickFunction", "EventInvokeConfig", "MaximumRetryAttempts"), "retries", "warning"),
    ("old wakes", without("TickFunction", "EventInvokeConfig", "MaximumEventAgeInSeconds"), "event-age", "warning"),
    ("more hops than Lambda allows", variable("TICKOVER_WAKE_HOPS", "20"), "loops", "broken"),
    ("nothing reserved", put("TickFunction", ReservedConcurrentExecutions=0), "reserved", "broken"),
    ("too little reserved", put("TickFunction", ReservedConcurrentExecutions=2), "reserved", "warning"),
    ("a snapshot", put("TickFunction", SnapStart={"ApplyOn": "PublishedVersions"}), "snap-start", "warning"),
    ("no bytecode", lambda d: d["Resources"]["TickFunction"].pop("Metadata"), "compiled", "warning"),
    ("a message seen twice at once", put("WakeQueue", VisibilityTimeout=100), "visibility", "broken"),
    ("a message seen too soon", put("WakeQueue", VisibilityTimeout=600), "visibility", "warning"),
    ("no dead letters", without("WakeQueue", "RedrivePolicy"), "dead-letters", "warning"),
    ("no mapping", without("TickFunction", "Events", "Wakes"), "mapping", "broken"),
    ("whole batches", without("TickFunction", "Events", "Wakes", "Properties", "FunctionResponseTypes"), "partial-batches", "warning"),
    ("a mapping of one", lambda d: of(d, "TickFunction")["Events"]["Wakes"]["Properties"].update(ScalingConfig={"MaximumConcurrency": 1}), "mapping-concurrency", "broken"),
    ("no timer", without("TickTimer"), "timer", "broken"),
    ("a poll that keeps the database awake", put("TickTimer", ScheduleExpression="rate(1 minute)"), "timer", "warning"),
    ("a timer that is tried for a day", lambda d: of(d, "TickTimer")["Target"].pop("RetryPolicy"), "timer-retries", "warning"),
    ("logs for ever", without("ReaperLogs", "RetentionInDays"), "logs", "warning"),
    ("a URL that answers 403", without("WebUrlInvoke"), "url", "broken"),
    ("an API that hangs up", all_of(put("WebFunction", Timeout=60), lambda d: of(d, "WebFunction").update(Events={"Api": {"Type": "HttpApi"}})), "web-timeout", "warning"),
    ("a shared role", put("ReaperFunction", Role={"Fn::GetAtt": "SchedulerRole.Arn"}), "roles", "warning"),
    ("a policy for everything", lambda d: of(d, "WakePolicy")["PolicyDocument"]["Statement"][0].update(Resource="*"), "stars", "warning"),
    ("nobody who is told", without("RecursionAlarm"), "alarms", "warning"),
    ("a database that a proxy keeps awake", all_of(PAUSES, resource("P", "AWS::RDS::DBProxy")), "pause", "broken"),
    ("an alarm that nobody sets", variable("TICKOVER_WAKE_ROLE_ARN", ""), "alarm", "warning"),
    ("a function by name", variable("TICKOVER_WAKE_FUNCTION", "tick"), "alarm-target", "broken"),
    ("a password for everybody", variable("TICKOVER_DATABASE_URL", "postgresql://u:p@h/d"), "login", "warning"),
    ("a file as database", variable("TICKOVER_DATABASE_URL", "sqlite:///jobs.db"), "sqlite", "broken"),
    ("a proxy", variable("TICKOVER_DATABASE_URL", "postgresql://u@x.proxy-abc.eu-west-1.rds.amazonaws.com/d"), "proxy", "warning"),
    ("options at the start", variable("TICKOVER_DATABASE_URL", "postgresql://u@h/d?options=-c%20x"), "startup-options", "warning"),
    ("links that nobody signs", variable("TICKOVER_PUBLIC_URL", "https://x"), "callbacks", "broken"),
    ("nobody who reaps", variable("TICKOVER_REAP_LIMIT", "0"), "reap-limit", "warning"),
    ("no version", variable("TICKOVER_CODE_VERSION", ""), "code-version", "warning"),
]  # fmt: skip


@pytest.mark.parametrize("parameters", [GOOD, {**GOOD, "Profile": "simple"}, {**GOOD, "RecursiveLoop": "Allow"}])
def test_our_own_template_has_nothing_to_mend(parameters: dict[str, str]) -> None:
    wrong = [finding for finding in examine_file(TEMPLATE, parameters) if finding.level != "ok"]
    allowed = (
        {"hops"} if "RecursiveLoop" in parameters else set()
    )  # the settings alone cannot know that loops are allowed
    assert {finding.check for finding in wrong} <= allowed


@pytest.mark.parametrize(("broken", "check", "level"), [case[1:] for case in TRAPS], ids=[case[0] for case in TRAPS])
def test_each_trap_of_a_template_is_named_with_its_mend(tmp_path: Path, broken: Break, check: str, level: str) -> None:
    document = template()
    broken(document)
    path = written(tmp_path, document)
    finding = found(path, GOOD)[check]
    answer = CliRunner().invoke(app, ["doctor", "--json", "--template", str(path), *OPTIONS])

    assert (finding.level, bool(finding.mend)) == (level, True)
    assert answer.exit_code == (4 if level == "broken" else 0), answer.output
    assert {"level": level, "check": check, "said": finding.said, "mend": finding.mend} in json.loads(answer.stdout)


def test_a_simple_profile_must_leave_a_database_that_may_pause_alone(tmp_path: Path) -> None:
    document = template()
    PAUSES(document)
    path = written(tmp_path, document)

    assert found(path, {**GOOD, "Profile": "simple"})["pause"].level == "warning"
    assert found(path, GOOD)["pause"].level == "ok"


def test_plain_cloudformation_is_read_as_well(tmp_path: Path) -> None:
    document = {"Resources": {
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "a.tick.handler", "Runtime": "python3.12", "Timeout": 60, "Role": "r", "RecursiveLoop": "Allow"}},
        "G": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "a.web.handler", "Role": "r"}},
        "I": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {"FunctionName": {"Ref": "F"}, "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}},
        "Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
        "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": {"Fn::GetAtt": "F.Arn"}, "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}}},
        "R": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 minute)", "Targets": [{"Arn": {"Fn::GetAtt": "F.Arn"}, "Id": "1"}]}},
        "U": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "G"}, "AuthType": "NONE"}},
    }}  # fmt: skip
    levels = {check: finding.level for check, finding in found(written(tmp_path, document)).items()}

    assert {
        check for check in ("timeout", "retries", "event-age", "timer", "timer-retries") if levels[check] != "ok"
    } == set()
    wrong = {"visibility", "dead-letters", "partial-batches", "logs", "roles", "alarms"}
    assert {check for check in wrong if levels[check] != "warning"} == set()
    assert levels["url"] == "broken"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1, 2]", "no Resources"),
        ("a: [", "no YAML"),
        ("{", "no JSON"),
        ("Resources: {}\nParameters: {P: {Type: String}}\nGlobals: {Function: {Role: !Ref P}}", "--parameter P="),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "t").write_text(text)
    with pytest.raises(ConfigurationError, match=why):
        list(examine_file(tmp_path / "t", {}))
    assert CliRunner().invoke(app, ["doctor", "--template", str(tmp_path / "t")]).exit_code == 3


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no parameter Nothing"):
        list(examine_file(TEMPLATE, {"Nothing": "1"}))


# --- Terraform ---------------------------------------------------------------------------------------------------------


def plan() -> dict[str, Any]:
    """What `terraform show -json` said of a plan of infra/terraform/example, less what nobody reads."""
    return cast(dict[str, Any], json.loads(PLAN.read_text(encoding="utf-8")))


def planned(document: dict[str, Any], address: str) -> dict[str, Any]:
    (module,) = document["planned_values"]["root_module"]["child_modules"]
    return next(one["values"] for one in module["resources"] if one["address"] == f"module.tickover.{address}")


def gone(document: dict[str, Any], address: str) -> None:
    (module,) = document["planned_values"]["root_module"]["child_modules"]
    module["resources"] = [one for one in module["resources"] if one["address"] != f"module.tickover.{address}"]


TICK = 'aws_lambda_function.function["tick"]'
PLANNED: list[tuple[str, Break, str, str]] = [
    ("too short a tick", lambda d: planned(d, TICK).update(timeout=5), "timeout", "warning"),
    ("an old runtime", lambda d: planned(d, TICK).update(runtime="python3.9"), "runtime", "broken"),
    ("retries", lambda d: gone(d, 'aws_lambda_function_event_invoke_config.timed["tick"]'), "retries", "warning"),
    ("old wakes", lambda d: gone(d, 'aws_lambda_function_event_invoke_config.timed["tick"]'), "event-age", "warning"),
    ("a snapshot", lambda d: planned(d, TICK).update(snap_start=[{"apply_on": "PublishedVersions"}]), "snap-start", "warning"),
    ("too short to see", lambda d: planned(d, "aws_sqs_queue.wake").update(visibility_timeout_seconds=60), "visibility", "broken"),
    ("whole batches", lambda d: planned(d, "aws_lambda_event_source_mapping.wakes").update(function_response_types=[]), "partial-batches", "warning"),
    ("a mapping of one", lambda d: planned(d, "aws_lambda_event_source_mapping.wakes").update(scaling_config=[{"maximum_concurrency": 1}]), "mapping-concurrency", "broken"),
    ("a timer that is tried for a day", lambda d: planned(d, 'aws_scheduler_schedule.timer["tick"]').update(target=[{}]), "timer-retries", "warning"),
    ("logs for ever", lambda d: planned(d, 'aws_cloudwatch_log_group.function["web"]').update(retention_in_days=0), "logs", "warning"),
    ("half of the permissions", lambda d: gone(d, "aws_lambda_permission.url_invoke"), "url", "broken"),
    ("a shared role", lambda d: [planned(d, f'aws_lambda_function.function["{key}"]').update(role="one") for key in ("web", "tick")], "roles", "warning"),
    ("nobody who is told", lambda d: gone(d, 'aws_cloudwatch_metric_alarm.alarm["recursion"]'), "alarms", "warning"),
    ("a policy for everything", lambda d: planned(d, "aws_iam_role_policy.alarm").update(policy='{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'), "stars", "warning"),
]  # fmt: skip


def test_a_plan_of_our_own_module_has_nothing_to_mend_and_says_what_it_does_not_tell() -> None:
    levels = {check: finding.level for check, finding in found(PLAN).items()}
    assert {check: level for check, level in levels.items() if level != "ok"} == {"environment": "unknown"}
    assert {"visibility", "dead-letters", "partial-batches", "timer-retries", "roles", "url"} <= set(levels)


@pytest.mark.parametrize(
    ("broken", "check", "level"), [case[1:] for case in PLANNED], ids=[case[0] for case in PLANNED]
)
def test_each_trap_of_a_plan_is_named_with_its_mend(tmp_path: Path, broken: Break, check: str, level: str) -> None:
    document = plan()
    broken(document)
    finding = found(written(tmp_path, document))[check]
    assert (finding.level, bool(finding.mend)) == (level, True)


def test_of_a_state_the_environment_is_known_and_so_are_its_traps(tmp_path: Path) -> None:
    document = plan()
    planned(document, TICK)["environment"] = [{"variables": {"TICKOVER_WAKE_HOPS": "20", "TICKOVER_PROFILE": "simple"}}]
    mapping = planned(document, "aws_lambda_event_source_mapping.wakes")
    mapping |= {
        "event_source_arn": "arn:aws:sqs:eu-west-1:1:jobs-wake",
        "function_name": "arn:aws:lambda:eu-west-1:1:function:jobs-tick",
    }
    planned(document, "aws_sqs_queue.wake").update(visibility_timeout_seconds=60, redrive_policy="{}")
    state = {"terraform_version": "1.11.4", "values": document["planned_values"]}
    levels = {check: finding.level for check, finding in found(written(tmp_path, state)).items()}

    assert (levels["loops"], levels["timer"], levels["waker"]) == ("broken", "warning", "warning")
    assert (levels["visibility"], levels["dead-letters"]) == ("broken", "ok")


@pytest.mark.parametrize(("mode", "level"), [(1, "ok"), (0, "warning"), (None, "warning")])
def test_a_plans_package_is_looked_into_for_bytecode_that_counts(tmp_path: Path, mode: int | None, level: str) -> None:
    with zipfile.ZipFile(tmp_path / "tick.zip", "w") as archive:
        archive.writestr("app.py", "")
        if mode is not None:
            archive.writestr("app.pyc", b"\xcb\r\r\n" + bytes([mode, 0, 0, 0]) + b"\0" * 8)
    document = plan()
    planned(document, TICK)["filename"] = "tick.zip"
    assert found(written(tmp_path, document))["compiled"].level == level


def test_the_page_has_every_check_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "doctor.md").read_text(encoding="utf-8")
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ") and line.count("|") == 5]
    listed = {check for cell in cells[1:] for check in re.findall(r"`([a-z-]+)`", cell)}
    root = Path(traps.__file__).parent
    code = "".join((root / name).read_text(encoding="utf-8") for name in ("traps.py", "../app/doctor.py"))
    code = code.replace("def told(", "")
    named = set(re.findall(r'_bad\(\s*"([a-z-]+)"|check="([a-z-]+)"|told\(.*?, "([a-z-]+)",', code, re.DOTALL))
    checks = {one for found in named for one in found if one}

    assert listed == checks | {"function"}, listed ^ checks
