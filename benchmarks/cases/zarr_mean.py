"""mean of a matrix on disk."""

from __future__ import annotations

from cases.zarr_reductions import case

CASE = case("mean of 20000 x 10000 from Zarr", ["mean"])
