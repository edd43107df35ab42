"""Floor 9, the front door: configuration, credentials, command line, and the root that builds a node."""
