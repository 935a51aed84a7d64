"""As `matmul_zarr`, in chunks of twice the side."""

from __future__ import annotations

from cases.matmul_zarr import CHUNK, case

CASE = case(2 * CHUNK, "matmul Zarr to Zarr, 8192 x 8192, chunks of 4096")
