"""boto3's clients, made when first needed: importing boto3 costs more than an empty tick."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from tickover.errors import ConfigurationError

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_rds import RDSClient
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

_made: Final[dict[str, Any]] = {}
_making: Final = threading.Lock()


@overload
def client(service: Literal["lambda"]) -> LambdaClient: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["scheduler"]) -> EventBridgeSchedulerClient: ...
@overload
def client(service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(service: Literal["rds"]) -> RDSClient: ...


def client(service: str) -> Any:
    """The process's client of a service; its calls end within seconds, since a tick waits for them."""
    with _making:
        if service not in _made:
            try:
                import boto3
                from botocore.config import Config
            except ModuleNotFoundError as error:
                raise ConfigurationError(f"This needs boto3: pip install 'tickover[aws]' ({error}).") from error
            quick = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
            _made[service] = boto3.client(service, config=quick)  # type: ignore[call-overload]  # the overloads above name each
        return _made[service]


def said(error: Exception) -> str:
    """The code of a refusal by AWS; empty for any other error."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if isinstance(response, dict) and "Error" in response else ""
