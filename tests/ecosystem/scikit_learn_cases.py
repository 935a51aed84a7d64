"""What `test_scikit_learn.py` runs in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn import config_context, metrics, preprocessing
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import pairwise
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from .child import agree

ROWS, COLUMNS = 23, 4
DISTANCES = [
    "chi2_kernel",
    "cosine_distances",
    "cosine_similarity",
    "euclidean_distances",
    "laplacian_kernel",
    "linear_kernel",
    "manhattan_distances",
    "paired_cosine_distances",
    "paired_euclidean_distances",
    "paired_manhattan_distances",
    "pairwise_distances",
    "polynomial_kernel",
    "rbf_kernel",
    "sigmoid_kernel",
]
OF_NUMBERS = [
    "explained_variance_score",
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_gamma_deviance",
    "mean_pinball_loss",
    "mean_poisson_deviance",
    "mean_squared_error",
    "mean_squared_log_error",
    "median_absolute_error",
    "r2_score",
    "root_mean_squared_error",
]
OF_CLASSES = [
    "accuracy_score",
    "balanced_accuracy_score",
    "cohen_kappa_score",
    "confusion_matrix",
    "f1_score",
    "hamming_loss",
    "matthews_corrcoef",
    "multilabel_confusion_matrix",
    "precision_score",
    "recall_score",
    "zero_one_loss",
]
OF_CHANCES = [
    "average_precision_score",
    "brier_score_loss",
    "log_loss",
    "precision_recall_curve",
    "roc_auc_score",
    "roc_curve",
]
SCALERS = ["Binarizer", "MaxAbsScaler", "MinMaxScaler", "Normalizer", "PolynomialFeatures", "StandardScaler"]


@pytest.fixture(autouse=True)
def _dispatch() -> Iterator[None]:
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture(params=["f4", "f8"])
def x(request: pytest.FixtureRequest, rng: np.random.Generator) -> np.ndarray:
    """Rows of a table; columns of different sizes, so that no two components are as long."""
    return (rng.random((ROWS, COLUMNS)) * [1, 2, 4, 8]).astype(request.param)


@pytest.fixture
def classes(rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.arange(ROWS) % 2)


@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized"])
def test_pca_finds_the_same_components_and_rows(solver, x):
    def found(x):
        pca = PCA(2, svd_solver=solver, whiten=True, random_state=0, power_iteration_normalizer="QR")
        rows = pca.fit_transform(x)
        parts = pca.components_, pca.mean_, pca.explained_variance_, pca.explained_variance_ratio_
        return rows, pca.inverse_transform(rows), *parts

    agree(found, x)


def test_the_likelihood_under_pca_is_the_same(rng):
    agree(lambda x: PCA(2, svd_solver="full").fit(x).score_samples(x), rng.random((ROWS, COLUMNS)))


@pytest.mark.parametrize(
    "model", [Ridge(solver="svd"), Ridge(alpha=0.1, solver="svd", fit_intercept=False), RidgeCV()], ids=str
)
def test_ridge_finds_the_same_coefficients(model, x):
    def found(x, y):
        model.fit(x, y)
        return model.coef_, model.predict(x), float(model.score(x, y))

    agree(found, x, x @ np.arange(COLUMNS, dtype=x.dtype) + x[:, 0] ** 2)


def test_classifiers_give_the_same_chances(x, classes):
    agree(lambda x, y: LinearDiscriminantAnalysis().fit(x, y).predict(x), x, classes)
    agree(lambda x, y: GaussianNB().fit(x, y).predict_proba(x), x, classes)


@pytest.mark.parametrize("name", SCALERS)
def test_scalers_give_the_same_rows(name, x):
    agree(lambda x: getattr(preprocessing, name)().fit_transform(x), x)


def test_a_scaler_is_undone(x):
    def found(x):
        scaler = preprocessing.MinMaxScaler((-1, 1)).fit(x)
        return scaler.inverse_transform(scaler.transform(x)), scaler.data_min_, scaler.scale_

    agree(found, x)


def test_labels_are_numbered_and_made_columns_of(classes):
    agree(lambda y: preprocessing.LabelEncoder().fit_transform(y), classes + 5)
    agree(lambda y: preprocessing.LabelBinarizer().fit_transform(y), np.arange(ROWS) % 3)


@pytest.mark.parametrize("name", DISTANCES)
def test_distances_are_the_same(name, rng):
    rows, others = rng.random((2, ROWS, COLUMNS))
    agree(getattr(pairwise, name), rows, others)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_metrics_of_numbers_are_the_same(name, rng):
    agree(getattr(metrics, name), *rng.random((2, ROWS)) + 0.1)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_metrics_of_classes_are_the_same(name, rng, classes):
    agree(getattr(metrics, name), classes, rng.permutation(classes))


@pytest.mark.parametrize("name", OF_CHANCES)
def test_metrics_of_chances_are_the_same(name, rng, classes):
    agree(getattr(metrics, name), classes, rng.random(ROWS))


def test_a_table_is_split_into_the_same_rows(x, classes):
    agree(lambda x, y: train_test_split(x, y, random_state=0), x, classes)
