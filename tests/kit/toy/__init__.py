"""A venue that does not exist, in the four files that a venue is: docs/add-a-venue.md walks through them."""
