# Everything a newcomer needs: `make run` to try the bot, `make test` to prove it.
# Each target sets up what it needs; nothing but Python 3.11, make and a package index is assumed.

PYTHON ?= $(firstword $(foreach p,python3.11 python3 python3.12 python3.13,$(shell \
	$(p) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
UV_VERSION := 0.13.9
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

.PHONY: run test test-pages coverage mutate check format bench load clean

run: .venv/ready
	$(BIN)/python -m yabot demo

test: .venv/ready .venv-mongo/ready
	$(BIN)/python -m pytest -m "not pages" --ignore=tests/pages

test-pages: .venv/ready
	$(BIN)/uv sync --quiet --frozen --inexact --group pages
	$(BIN)/python -m pytest tests/pages

# Every branch of the two libraries is taken by their own tests, with nothing left out.
coverage: .venv/ready
	$(BIN)/coverage run --branch --source=actors,supervision -m pytest tests/actors tests/supervision
	$(BIN)/coverage report --show-missing --skip-covered --fail-under=100

# Small mistakes in the two libraries are noticed by their own tests; minutes, so not part of a check.
mutate: .venv/ready
	$(BIN)/python -m tests.mutation actors
	$(BIN)/python -m tests.mutation supervision

check: .venv/ready
	$(BIN)/uv sync --quiet --frozen --inexact --group bench --group pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready
	$(BIN)/uv sync --quiet --frozen --inexact --group bench
	$(BIN)/python -m benchmarks

load: .venv/ready
	$(BIN)/python -m loadtests.run

clean:
	rm -rf .venv .venv-mongo .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.venv/ready: pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with venv is needed (Debian: apt-get install" \
		"python3-venv); or set PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --quiet --frozen --inexact
	touch $@

.venv-mongo/ready: tests/servers/mongo.txt | .venv/ready
	$(PYTHON) -m venv .venv-mongo
	$(BIN)/uv pip install --quiet --python .venv-mongo/bin/python -r $<
	touch $@
