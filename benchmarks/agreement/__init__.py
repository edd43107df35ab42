"""What benchmarks/replay_agreement.py compares: shared markets, the other simulator, and a replay bent to it."""
