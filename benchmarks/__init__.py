"""Tickover against the raw limit, in one run on one machine: `make bench`. The peers are still to come."""
