"""CloudFormation's functions, as far as a file alone can answer them: parameters, conditions, names, and what joins them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tickover.errors import ConfigurationError

#: What a deployment will call these; no check depends on them.
_PSEUDO: Final = {
    "AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", "AWS::StackName": "stack",
    "AWS::StackId": "stack", "AWS::URLSuffix": "amazonaws.com",
}  # fmt: skip
_NOTHING: Final = object()


class Intrinsics:
    """Resolves the values of one template.

    Args:
        template: the file, with `!Ref X` as `{"Ref": "X"}` and `!Sub …` as `{"Fn::Sub": …}`.
        given: values of parameters, in the place of their defaults.
    """

    def __init__(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self._parameters: Mapping[str, Any] = template.get("Parameters") or {}
        self._conditions: Mapping[str, Any] = template.get("Conditions") or {}
        self._resources: Mapping[str, Any] = template.get("Resources") or {}
        self._given = given
        if unknown := sorted(set(given) - set(self._parameters)):
            raise ConfigurationError(f"The template has no parameter {', '.join(unknown)}.")

    def value(self, node: Any) -> Any:
        """What a value of the template comes to; what only a deployment knows is a text that says so."""
        if isinstance(node, list):
            return [found for one in node if (found := self.value(one)) is not _NOTHING]
        if not isinstance(node, Mapping):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._ref(str(argument))
            if name == "Condition" and isinstance(argument, str) and argument in self._conditions:
                return self.holds(argument)
            if name.startswith("Fn::"):
                known = self._functions().get(name)
                return known(argument) if known else f"<{name}>"
        return {key: found for key, one in node.items() if (found := self.value(one)) is not _NOTHING}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        if condition not in self._conditions:
            raise ConfigurationError(f"The template has no condition {condition}.")
        return bool(self.value(self._conditions[condition]))

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substituted,
            "Fn::If": lambda a: self.value(a[1] if self.holds(a[0]) else a[2]),
            "Fn::Join": lambda a: str(a[0]).join(map(str, self.value(a[1]))),
            "Fn::Select": lambda a: self.value(a[1])[int(self.value(a[0]))],
            "Fn::Split": lambda a: str(self.value(a[1])).split(a[0]),
            "Fn::Equals": lambda a: str(self.value(a[0])) == str(self.value(a[1])),
            "Fn::Not": lambda a: not self.value(a[0]),
            "Fn::And": lambda a: all(map(self.value, a)),
            "Fn::Or": lambda a: any(map(self.value, a)),
        }

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name not in self._parameters:
            queue = (self._resources.get(name) or {}).get("Type") == "AWS::SQS::Queue"
            return (
                f"https://sqs/123456789012/{name}" if queue else name
            )  # by the logical id, which is what we tell it by
        parameter = self._parameters[name]
        text = self._given.get(name, parameter.get("Default"))
        if text is None:
            raise ConfigurationError(f"The template's parameter {name} has no default: say --parameter {name}=….")
        if "List" in str(parameter.get("Type", "")):
            return [part.strip() for part in str(text).split(",")]
        return text

    def _attribute(self, argument: Any) -> str:
        name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
        return f"arn:aws:made:eu-west-1:123456789012:{name}" if attribute == "Arn" else f"<{name}.{attribute}>"

    def _substituted(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def put(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(self.value(own[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", put, text).replace("${!", "${")
