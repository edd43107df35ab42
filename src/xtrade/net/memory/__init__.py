"""A network in memory: the same libraries, the same bytes, under virtual time and with faults drawn from a seed."""
