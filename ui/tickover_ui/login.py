"""Log in and out: the one page that needs no role, where the ways in have passwords."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from tickover.web.access import AnyOf, Auth, Needs, is_local
from tickover.web.attempts import log_in
from tickover.web.noted import address_of
from tickover.web.problems import Problem
from tickover.web.sessions import COOKIE, PasswordLogin
from tickover_ui.forms import Posted, check_form, token
from tickover_ui.pages import base_of, link_to, page

public: Final = APIRouter(include_in_schema=False)
known: Final = APIRouter(include_in_schema=False, dependencies=[Depends(Needs("view"))])
Next = Annotated[str, Query(max_length=2000)]


def login_of(auth: Auth) -> PasswordLogin | None:
    """The way in that has passwords, if one has."""
    ways = auth.ways if isinstance(auth, AnyOf) else (auth,)
    return next((way for way in ways if isinstance(way, PasswordLogin)), None)


@public.get("/login")
def ask(request: Request, next: Next = "/") -> HTMLResponse:  # noqa: A002  # the word of every log-in page
    """The form; without passwords there is no such page."""
    return _form(request, _login(request), next)


@public.post("/login")
def enter(request: Request, form: Posted) -> Response:
    """Begins a session for whoever knows the password."""
    login = _login(request)
    check_form(request, form)
    name, password = form.one("name"), form.one("password")
    cookie = log_in(request.app.state.jobs, login, name=name, password=password, address=address_of(request))
    if cookie is None:
        refused = _form(request, login, form.one("next"), said="That is not a name and its password.", name=name)
        refused.status_code = 403
        return refused
    answer = RedirectResponse(link_to(request, local_path(form.one("next"))), 303)
    answer.set_cookie(
        COOKIE, cookie, max_age=int(login.lasts), path=base_of(request) or "/", httponly=True, samesite="lax",
        secure=not is_local(request),
    )  # fmt: skip
    return answer


@known.post("/logout")
def leave(request: Request, form: Posted) -> Response:
    """Ends the session in this browser."""
    check_form(request, form)
    answer = RedirectResponse(link_to(request, "/login"), 303)
    answer.delete_cookie(
        COOKIE, path=base_of(request) or "/", httponly=True, samesite="lax", secure=not is_local(request)
    )
    return answer


def local_path(text: str) -> str:
    """A path within the dashboard: nobody is sent elsewhere by an address that somebody else made."""
    ours = text.startswith("/") and not text.startswith("//")  # so neither a scheme nor a host can be in front
    return text if ours and text.isprintable() and "\\" not in text else "/"


def _login(request: Request) -> PasswordLogin:
    login: PasswordLogin | None = request.app.state.login
    if login is None:
        raise Problem(404, "not-found", "Nobody logs in here with a password.")
    return login


def _form(request: Request, login: PasswordLogin, following: str, *, said: str = "", name: str = "") -> HTMLResponse:
    hours = f"{login.lasts / 3600:.0f} h" if login.lasts >= 3600 else f"{login.lasts / 60:.0f} min"
    return page(
        request, "login.html", now=None, csrf=token(request), next=local_path(following), said=said, name=name, lasts=hours
    )  # fmt: skip
