"""Floor 2, time and life: clock, virtual-time loop, supervised tasks, ids, seeded streams, secrets."""
