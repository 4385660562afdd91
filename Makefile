# make demo: set up, run the two examples, and write their reports.   make test: set up and pass every check.
# Needs make, python3 (3.11+, with venv) and a package index (or a wheel folder: CITYGAUGE_WHEELS=...).
PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: demo test test-full bench docs lint requirements wheels clean

demo:
	@$(PYTHON) tools/environment.py runtime
	@$(RUN) -m citygauge assess demo/city-statistics-2023
	@$(RUN) -m citygauge assess demo/smart-2021
	@$(RUN) -m citygauge report demo/city-statistics-2023 --format html
	@$(RUN) -m citygauge report demo/smart-2021 --format html

test: lint
	@$(RUN) -m pytest -n auto --cov --cov-report=term:skip-covered --cov-fail-under=90

test-full: lint
	@CITYGAUGE_TEST_FULL=1 $(RUN) -m pytest -n auto

lint:
	@$(PYTHON) tools/environment.py dev
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -c "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

bench:
	@$(PYTHON) tools/environment.py dev
	@$(RUN) tools/bench.py

# The documentation in both languages, in docs/_build/html.
docs:
	@$(PYTHON) tools/environment.py dev
	@$(RUN) -m sphinx -q -W --keep-going -d docs/_build/doctrees/en -D language=en docs docs/_build/html/en
	@$(RUN) -m sphinx -q -W --keep-going -d docs/_build/doctrees/zh -D language=zh_CN docs docs/_build/html/zh
	@cp docs/_templates/languages.html docs/_build/html/index.html

# Pins with hashes and without any address; run after a change of pyproject.toml (needs uv).
requirements:
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --python-version 3.11 pyproject.toml --group build -o requirements/runtime.txt
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --python-version 3.11 pyproject.toml --group build --group dev --all-extras -o requirements/dev.txt

# Everything a machine without a package index needs, in ./wheels.
wheels:
	@$(PYTHON) tools/environment.py runtime
	@$(RUN) -m pip download -q --require-hashes -r requirements/runtime.txt -d wheels
	@$(RUN) -m pip wheel -q --no-deps --no-build-isolation . -w wheels

clean:
	rm -rf .venv build dist wheels docs/_build demo/*/results demo/*/report
