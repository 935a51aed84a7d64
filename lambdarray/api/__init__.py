"""What users import: arrays, functions, and how they are run."""
