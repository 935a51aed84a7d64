"""The workloads, one to a file, each with a `CASE`."""
