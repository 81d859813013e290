"""The Tickover dashboard: a FastAPI application over the same tables that the ticks read and write."""
