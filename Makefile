# The commands of the project; `make help` lists them. Each makes the environment that it needs by itself.

# The first Python of 3.11 or newer on the path; set PYTHON=... for another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
SMALL := tests/test_tiny.py tests/test_layers.py

# What the demonstrations multiply, and the functions of the local cloud. 3008 MiB would be 1.7 cores; 1769 is one.
N ?= 8192
MEMORY ?= 1769
WORKERS ?= 1
LOCAL := s3://lambdarray-local

# The array API standard's own suite, and the examples of each of its tests.
SUITE ?=
EXAMPLES ?= 100

.PHONY: help demo demo-lambda test test-algebra test-acceptance test-api test-others check conformance bench wheel names accuracy bytes scale format clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo         multiply two $(N) x $(N) arrays out of core on threads, and verify the product'
	@echo 'make demo-lambda  the same through Lambda and S3 on this machine'
	@echo 'make test         the whole test suite, doctests and the blocks of the documentation'
	@echo 'make check        formatting, lint, types, layers and the tiny test: seconds'
	@echo 'make conformance  the suite of the array API standard, a checkout at SUITE=path: under half an hour'
	@echo 'make bench        the benchmarks beside NumPy, Dask and Cubed: about an hour'
	@echo 'make wheel        build the wheel, install it in an environment of its own, and run it from elsewhere'
	@echo 'make names        write docs/numpy-names.md, which of the functions of NumPy and Dask are here'
	@echo 'make accuracy     write docs/accuracy.md, the errors of tiled factorisations beside SciPy: under half an hour'
	@echo 'make bytes        write docs/bytes.md, what plans move beside the communication lower bound'
	@echo 'make scale        write docs/scale.md, plans of matrices of 256K and 1M on paper'
	@echo 'make format       rewrite the formatting as `make check` wants it'
	@echo 'make clean        remove what was built, the environment too'

demo: $(VENV)/.has-base
	$(BIN)/lambdarray demo --n $(N)

demo-lambda: $(VENV)/.has-cloud
	PATH="$$(cd $(BIN) && pwd):$$PATH" lambdarray cloud --bucket lambdarray-local -- sh -ec ' \
		lambdarray deploy --store $(LOCAL)/scratch --read $(LOCAL)/ --write $(LOCAL)/ --memory $(MEMORY) --yes; \
		lambdarray demo --n $(N) --executor lambda --workers $(WORKERS) --store $(LOCAL)/scratch --dir $(LOCAL)/demo'

# Four parts side by side; that of acceptance waits for servers and functions more than it computes.
test: $(VENV)/.has-test
	$(MAKE) --jobs=4 --keep-going test-algebra test-acceptance test-api test-others

test-algebra:
	$(BIN)/python -m pytest tests/algorithms

test-acceptance:
	$(BIN)/python -m pytest tests/acceptance

test-api:
	$(BIN)/python -m pytest tests/api

test-others:
	$(BIN)/python -m pytest --doctest-modules --ignore=tests/algorithms --ignore=tests/acceptance --ignore=tests/api

check: $(VENV)/.has-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(SMALL)

conformance: $(VENV)/.has-conformance
	@test -d '$(SUITE)/array_api_tests' || { echo 'say where the suite is: git clone --recurse-submodules' \
		'https://github.com/data-apis/array-api-tests /tmp/suite; make conformance SUITE=/tmp/suite' >&2; exit 2; }
	cd '$(SUITE)' && ARRAY_API_TESTS_MODULE=lambdarray ARRAY_API_TESTS_VERSION=2025.12 \
		$(abspath $(BIN))/python -m pytest array_api_tests -q -n 2 --max-examples $(EXAMPLES)

bench: $(VENV)/.has-bench
	$(BIN)/python benchmarks/run.py $(BENCH)

wheel: $(VENV)/.has-dev
	rm -rf dist build $(VENV)/for-wheel
	$(BIN)/python -W ignore -m build --wheel >/dev/null
	$(BIN)/python -m venv $(VENV)/for-wheel
	$(VENV)/for-wheel/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	there="$$(cd $(VENV)/for-wheel/bin && pwd)" && cd / && "$$there/lambdarray" demo --n 256 && \
		"$$there/python" -c "import sys, lambdarray; assert not {'boto3', 'dask'} & set(sys.modules)"

names: $(VENV)/.has-base
	$(BIN)/python tools/numpy_names.py

accuracy: $(VENV)/.has-base
	$(BIN)/python tools/accuracy.py

bytes: $(VENV)/.has-base
	$(BIN)/python tools/bytes_moved.py

scale: $(VENV)/.has-base
	$(BIN)/python tools/scale.py

format: $(VENV)/.has-dev
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist bench-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

# An editable install with one set of extras; made again when what is packaged changes.
$(VENV)/.has-base: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -W ignore -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.has-%: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -W ignore -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'lambdarray needs Python 3.11 or newer, and none is on the path;' \
		'install one, or say make PYTHON=/path/to/python3' >&2; exit 2; }
	@echo 'making the environment $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo '$(PYTHON) cannot make an environment;' \
		'on Debian and Ubuntu: apt install python3-venv' >&2; exit 2; }
