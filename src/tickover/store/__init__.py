"""Durable state: a small port, one SQL adapter, two dialects."""
