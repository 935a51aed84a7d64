"""Normal vectors of a given covariance."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .array import Array
from .creation import _shape, asarray


def multivariate_normal(
    generator: Any, mean: Any, cov: Any, size: Any, check_valid: str, tol: float, method: str, chunks: Any
) -> Array:
    """As NumPy's: the mean plus standard normals times a factor of the covariance, which is made here."""
    if method not in ("eigh", "svd", "cholesky"):
        raise ValueError("method must be one of {'eigh', 'svd', 'cholesky'}")
    center, cov = asarray(np.asarray(mean) if not isinstance(mean, Array) else mean), np.asarray(cov)
    if "c" in (center.dtype.kind, cov.dtype.kind):
        raise TypeError("mean and cov must not be complex")
    if center.ndim != 1:
        raise ValueError(f"mean must be 1 dimensional, its shape is {center.shape}")
    if cov.ndim != 2 or cov.shape[0] != cov.shape[1]:
        raise ValueError(f"cov must be 2 dimensional and square, its shape is {cov.shape}")
    if center.shape[0] != cov.shape[0]:
        raise ValueError(f"mean and cov must have same length: {center.shape[0]} and {cov.shape[0]}")
    shape = (*(() if size is None else _shape(size)), len(cov))
    normals = generator.standard_normal(shape, chunks=chunks)
    factor = _factor(cov.astype(np.float64), method, check_valid, tol)
    out: Array = center + normals @ asarray(factor.T)
    return out if chunks == "auto" else out.rechunk(chunks)


def _factor(cov: Any, method: str, check_valid: str, tol: float) -> Any:
    """A matrix whose product with its own transpose is `cov`."""
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    if check_valid not in ("warn", "raise", "ignore"):
        raise ValueError("check_valid must equal 'warn', 'raise', or 'ignore'")
    if method == "svd":
        u, s, vh = np.linalg.svd(cov)
        valid = np.allclose((vh.T * s) @ vh, cov, rtol=tol, atol=tol)
    else:
        s, u = np.linalg.eigh(cov)
        valid = not np.any(s < -tol)
    if not valid and check_valid != "ignore":
        text = "covariance is not symmetric positive-semidefinite."
        if check_valid == "raise":
            raise ValueError(text)
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    return u * np.sqrt(abs(s))
