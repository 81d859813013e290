"""Errors as `application/problem+json` (RFC 9457): a status, a stable type, and a sentence that says what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from tickover import errors
from tickover.domain.payload import safe_text

MEDIA_TYPE: Final = "application/problem+json"
_log: Final = logging.getLogger("tickover.web")
#: What the caller can mend is 4xx; what only the operator can is 503, since a retry later may succeed.
_STATUS: Final[dict[type[errors.TickoverError], int]] = {
    errors.JobNotFound: 404,
    errors.DuplicateJob: 409,
    errors.InvalidTransition: 409,
    errors.JobNotCompleted: 409,
    errors.JobFailedError: 409,
    errors.JobCancelledError: 409,
    errors.SignalError: 409,
    errors.StorageUnavailable: 503,
    errors.MigrationRequired: 503,
    errors.ConfigurationError: 503,
}
_OTHER: Final = 422


class ProblemBody(BaseModel):
    """What every error says."""

    type: str = Field(description="Stable, for programs.", examples=["urn:tickover:job-not-found"])
    title: str = Field(examples=["No job has this id."])
    status: int = Field(examples=[404])
    detail: str = Field(description="What happened here, and what to do.")
    job_id: str | None = Field(default=None, description="Of a duplicate: the job that holds the key.")
    path: str | None = Field(default=None, description="Of a payload: where in it, as a JSON path.")
    errors: list[dict[str, str]] | None = Field(default=None, description="Of a request: each part that is wrong.")


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers


def problem(
    status: int, kind: str, detail: str, *, title: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """The response of an error."""
    body = {"type": f"urn:tickover:{kind}", "title": title or kind.replace("-", " ").capitalize(), "status": status,
            "detail": safe_text(detail), **{name: value for name, value in more.items() if value is not None}}  # fmt: skip
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: errors.TickoverError) -> int:
    """The HTTP status of one of our errors."""
    return next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), _OTHER)


def tell_problems(app: FastAPI) -> None:
    """From now on every error of this application is a problem document."""
    handlers: dict[type[Exception], Any] = {
        Problem: _problem,
        errors.TickoverError: _ours,
        RequestValidationError: _invalid,
        HTTPException: _http,
        Exception: _unforeseen,
    }
    for cls, handler in handlers.items():
        app.add_exception_handler(cls, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problems for OpenAPI's `responses=`."""
    return {status: {"model": ProblemBody, "description": _MEANS[status]} for status in statuses}


def described(app: FastAPI) -> dict[str, Any]:
    """The application's OpenAPI document, in which errors have the media type that they have."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for methods in app.openapi_schema["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    if not status.startswith("2"):
                        response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return app.openapi_schema


_MEANS: Final = {
    400: "The request cannot be read.",
    401: "Nobody we know.",
    403: "The role does not allow it.",
    404: "There is no such thing.",
    405: "Not by this method.",
    409: "Its state does not allow it now.",
    410: "Its time is over.",
    413: "Larger than 1 MiB.",
    415: "The body is no JSON.",
    422: "Something in the request cannot be accepted; the detail says what and why.",
    429: "Enough of this runs already.",
    503: "The database cannot be used now; try again later.",
}


def _problem(_request: Request, error: Problem) -> JSONResponse:
    return problem(error.status, error.kind, error.detail, headers=error.headers)


def _ours(_request: Request, error: errors.TickoverError) -> JSONResponse:
    public = next(cls for cls in type(error).__mro__ if cls.__module__ == "tickover.errors")
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", public.__name__).lower()
    return problem(
        status_of(error), kind, str(error), title=(public.__doc__ or "").split("\n", maxsplit=1)[0],
        job_id=getattr(error, "job_id", None), path=getattr(error, "path", None),
    )  # fmt: skip


def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    found = [
        {"where": safe_text(".".join(map(str, one["loc"])), 200), "said": safe_text(str(one["msg"]), 500)}
        for one in error.errors()[:20]
    ]
    unreadable = any(one["type"] == "json_invalid" for one in error.errors())
    detail = "; ".join(f"{one['where']}: {one['said']}" for one in found[:3])
    kind = "unreadable-request" if unreadable else "invalid-request"
    return problem(400 if unreadable else 422, kind, detail, errors=found)


def _http(_request: Request, error: HTTPException) -> JSONResponse:
    kind = {400: "unreadable-request", 404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
    return problem(error.status_code, kind, str(error.detail), headers=error.headers)


def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed in a way that nobody foresaw", exc_info=error)
    return problem(500, "internal-error", "Something went wrong here; the log of the server says what.")
