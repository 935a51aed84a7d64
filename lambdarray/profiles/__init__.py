"""Machine constants in files that a person can read."""
