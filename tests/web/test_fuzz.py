"""Whatever a request may look like by the API's own description, or just not: it is never our fault."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from tests.web.conftest import TOKENS, Client
from tickover import Tickover
from tickover.testing import in_memory
from tickover.web import bearer_tokens, create_api
from tickover.web.problems import described

_MEDIA = {"application/json", "application/problem+json"}
_BOUNDED = settings(
    max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def operations() -> list[Any]:
    """Every operation of the API, as it describes itself."""
    schema = schemathesis.openapi.from_dict(described(create_api(Tickover("sqlite://"))))
    return [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # raises where it is none


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_no_request_is_answered_by_5xx_or_in_a_way_that_is_not_described(operation: Any) -> None:
    jobs = Tickover("sqlite://")

    @jobs.job
    def greet(name: str) -> str:
        return name

    api = create_api(jobs, auth=bearer_tokens({TOKENS["admin"]: "admin"}))
    client = Client(api, {"Authorization": f"Bearer {TOKENS['admin']}"})
    described_as = operation.definition.raw["responses"]

    def check(case: Any) -> None:
        answer = send(client, case)
        assert answer.status_code < 500, answer.text
        assert str(answer.status_code) in described_as, (answer.status_code, answer.text)
        assert not answer.content or answer.headers["content-type"] in _MEDIA

    with in_memory(jobs):
        greet.enqueue("Ann")
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _BOUNDED(given(case=operation.as_strategy(generation_mode=mode))(check))()


def send(client: Client, case: Any) -> Any:
    """A generated request, with our own token in the place of whatever it has for one."""
    made = case.as_transport_kwargs(base_url="http://127.0.0.1:8000")
    headers = {name: value for name, value in made["headers"].items() if name.lower() == "content-type"}
    body = {"content": made["data"]} if "data" in made else {"json": made["json"]} if "json" in made else {}
    return client.request(made["method"], made["url"], params=made["params"], headers=headers, **body)
