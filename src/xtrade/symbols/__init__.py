"""Floor 2, one name for one market on every venue."""
