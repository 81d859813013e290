"""Brings the tables to this version: invoked by the deployment, before the others."""

from __future__ import annotations

from handlers.app import jobs
from tickover.aws import migrate_handler

handler = migrate_handler(jobs)
