"""Floor 3, the market that is not there: matching engine, replay kernel, synthetic markets."""
