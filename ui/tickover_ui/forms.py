"""What a form or an address brings, and the proof that a form is one of ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from itsdangerous import BadData

from tickover.web.access import Caller
from tickover.web.problems import Problem

#: Seconds after which a form that was left open is too old.
_LASTS: Final = 12 * 3600
_MOST_FIELDS: Final = 2000
FIELD: Final = "csrf"


class Given:
    """Names and values, each name with as many as were given."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._values[name].append(value)

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value, without blanks around it."""
        return self._values[name][0].strip() if self._values.get(name) else otherwise

    def all(self, name: str) -> list[str]:
        """Every value of a name that is not empty, each once."""
        return list(dict.fromkeys(value for value in self._values.get(name, ()) if value))


async def posted(request: Request) -> Given:
    """The fields of the form in the body; raises `Problem` for a body that is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, "not-a-form", "This takes a form of the dashboard; programs use the API.")
    try:
        text = (await request.body()).decode()
        return Given(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        raise Problem(400, "unreadable-request", "The form cannot be read.") from None


def asked(request: Request) -> Given:
    """The values of the address."""
    return Given(request.query_params.multi_items())


Posted = Annotated[Given, Depends(posted)]
Asked = Annotated[Given, Depends(asked)]


def token(request: Request) -> str:
    """What a form of ours carries: it is for this caller and this log-in, and looking at pages never replaces it."""
    return str(_signed(request).dumps(_bound(request)))


def check_form(request: Request, form: Given) -> None:
    """Raises `Problem` unless this form was made here for this very caller, lately, and is sent from a page of ours."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "forbidden", "Another site sent this form. Nothing was done.")
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host", ""):
        raise Problem(403, "forbidden", "Another site sent this form. Nothing was done.")
    try:
        said = _signed(request).loads(form.one(FIELD), max_age=_LASTS)
    except BadData:
        said = None
    if said != _bound(request):
        raise Problem(
            403, "forbidden", "This form is too old, or was made for somebody else. Nothing was done: go back, and load it again."
        )  # fmt: skip


def _bound(request: Request) -> list[str]:
    caller: Caller | None = getattr(request.state, "caller", None)
    return ["", ""] if caller is None else [caller.name, caller.session]


def _signed(request: Request) -> Any:
    return request.app.state.forms
