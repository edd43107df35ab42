"""HTTP and WebSocket sessions, rate limits, breakers, and a network in memory with faults. Knows no venue."""
