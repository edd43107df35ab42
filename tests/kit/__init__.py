"""What several tests share: strategies that draw the nouns of the model."""
