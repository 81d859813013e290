"""The ways in that the environment names: tokens for programs, passwords for people."""

from __future__ import annotations

import os

from tickover import Tickover
from tickover.web.access import Auth, any_of, tokens_from
from tickover.web.sessions import password_login, people_from


def ways_in(jobs: Tickover) -> Auth | None:
    """Those whom `TICKOVER_API_TOKENS` and `TICKOVER_USERS` let in; None when neither is set.

    Raises:
        ConfigurationError: one of them cannot be read, or people are to log in and there is no secret to sign with.
    """
    tokens = tokens_from(os.environ.get("TICKOVER_API_TOKENS"))
    people = people_from(os.environ.get("TICKOVER_USERS"))
    login = password_login(people, secret=jobs.settings.secret) if people else None
    ways = [way for way in (login, tokens) if way is not None]
    return any_of(*ways) if ways else None
