"""Floor 8, what an operator sees of a running system: logs (metrics, alerts and the dashboard join here)."""
