"""Tickover against the raw limit and its peers, in one run on one machine: `make bench`."""
