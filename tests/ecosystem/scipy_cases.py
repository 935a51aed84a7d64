"""What `test_scipy.py` runs in a process of its own, with SCIPY_ARRAY_API set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import differentiate, fft, integrate, interpolate, ndimage, optimize, signal, special, stats
from scipy.cluster import vq
from scipy.spatial.transform import Rotation

from .child import agree

SIZE, COLUMNS = 23, 4
OF_ONE = [
    "boxcox_llf",
    "circmean",
    "circstd",
    "circvar",
    "differential_entropy",
    "entropy",
    "gmean",
    "gstd",
    "gzscore",
    "hmean",
    "iqr",
    "jarque_bera",
    "kstat",
    "kstatvar",
    "kurtosis",
    "kurtosistest",
    "lmoment",
    "median_abs_deviation",
    "mode",
    "moment",
    "normaltest",
    "pmean",
    "power_divergence",
    "rankdata",
    "sem",
    "skew",
    "skewtest",
    "trim_mean",
    "tmax",
    "tmean",
    "tmin",
    "tsem",
    "tstd",
    "ttest_1samp",
    "tvar",
    "variation",
    "zscore",
]
OF_TWO = [
    "bartlett",
    "f_oneway",
    "fligner",
    "levene",
    "mannwhitneyu",
    "pearsonr",
    "spearmanr",
    "ttest_ind",
    "ttest_rel",
    "zmap",
]
FURTHER: dict[str, Any] = {"pmean": (2,), "trim_mean": (0.1,), "ttest_1samp": (0.4,)}
FILTERS = {
    "detrend": signal.detrend,
    "envelope": signal.envelope,
    "hilbert": signal.hilbert,
    "medfilt": signal.medfilt,
    "resample": lambda x: signal.resample(x, 10),
    "savgol_filter": lambda x: signal.savgol_filter(x, 5, 2),
    "wiener": signal.wiener,
}


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.random((SIZE, COLUMNS))


def values(result: Any) -> Any:
    """The numbers of a test's result, which is an object of its own kind."""
    return (result.statistic, result.pvalue) if hasattr(result, "statistic") else result


@pytest.mark.parametrize("name", OF_ONE)
def test_statistics_of_one_sample(name, rng):
    function, further = getattr(stats, name), FURTHER.get(name, ())
    if name == "boxcox_llf":
        agree(lambda x: function(0.5, x), rng.random(SIZE))
    else:
        agree(lambda x: values(function(x, *further)), rng.random(SIZE))


@pytest.mark.parametrize("name", ["gmean", "kurtosis", "sem", "skew", "variation", "zscore"])
def test_statistics_along_an_axis(name, x):
    agree(lambda x: getattr(stats, name)(x, axis=1), x)


@pytest.mark.parametrize("name", OF_TWO)
def test_statistics_of_two_samples(name, rng):
    agree(lambda x, y: values(getattr(stats, name)(x, y)), *rng.random((2, SIZE)))


def test_special_functions(x):
    for name in ("gammaln", "erf", "expit"):
        agree(getattr(special, name), x)
    agree(special.xlogy, x, x[:, 1:2])
    for name in ("logsumexp", "softmax", "log_softmax"):
        agree(lambda x, name=name: getattr(special, name)(x, axis=1), x)


def test_clusters(x):
    agree(vq.whiten, x)
    agree(vq.vq, x, x[:3])
    agree(lambda x: vq.kmeans2(x, x[:3], minit="matrix"), x)


def test_integrals(rng):
    y, x = rng.random(SIZE), np.sort(rng.random(SIZE))
    for name in ("trapezoid", "cumulative_trapezoid", "cumulative_simpson"):
        agree(lambda y, x, name=name: getattr(integrate, name)(y, x=x), y, x)
    agree(lambda a, b: integrate.cubature(lambda t: t[:, 0] ** 2, a, b).estimate, y[:1], y[:1] + 1)


@pytest.mark.parametrize("name", ["dct", "fft", "fft2", "fftn", "fftshift", "hfft", "idct", "ifft", "rfft"])
def test_transforms(name, x):
    agree(getattr(fft, name), x)


@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve", "oaconvolve"])
def test_convolutions(name, rng):
    agree(getattr(signal, name), rng.random(SIZE), rng.random(7))


@pytest.mark.parametrize("name", FILTERS)
def test_filters_of_a_signal(name, rng):
    agree(FILTERS[name], rng.random(SIZE))


def test_filters_by_coefficients(rng):
    x = rng.random(SIZE)
    agree(lambda b, x: signal.lfilter(b, 1.0, x), x[:3], x)
    agree(signal.sosfilt, signal.butter(3, 0.2, output="sos"), x)
    agree(signal.upfirdn, x[:3], x)
    agree(signal.freqz, x[:5])


def test_images(x):
    agree(lambda x: ndimage.gaussian_filter(x, 1.0), x)
    agree(lambda x: ndimage.uniform_filter(x, 3), x)


def test_rotations(x):
    agree(lambda q: Rotation.from_quat(q).as_matrix(), x)


def test_curves_through_points(rng):
    x, y = np.sort(rng.random(SIZE)), rng.random(SIZE)
    agree(lambda x, y: interpolate.make_interp_spline(x, y)(x), x, y)
    agree(lambda x, y: interpolate.PchipInterpolator(x, y)(x), x, y)
    agree(lambda x, y: interpolate.RegularGridInterpolator((x,), y)(x[:, None]), x, y)


def test_derivatives(rng):
    agree(lambda x: differentiate.derivative(lambda t: t**2 + t, x, maxiter=2).df, rng.random(5))
    agree(optimize.rosen, rng.random(SIZE))
