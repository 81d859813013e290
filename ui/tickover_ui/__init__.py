"""The Tickover dashboard: a FastAPI application over the same tables that the ticks read and write."""

from __future__ import annotations

from tickover_ui.app import create_dashboard

__all__ = ["create_dashboard"]
