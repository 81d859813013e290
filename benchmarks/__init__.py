"""Tickover against its peers and against the raw limit, in one run on one machine: `make bench`."""
