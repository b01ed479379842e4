# Two commands from a fresh checkout: `make demo` and `make test`.
# Each makes its own environment in .venv; Python 3.11 or newer is all that has to be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint generated page benchmarks clean

demo: $(VENV)/app.stamp
	$(BIN)/bids-denoise-demo demo

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint --failure-threshold error Dockerfile

# What is made from the option table and must be made again when it changes; tests compare it.
generated: $(VENV)/app.stamp
	$(BIN)/bids-denoise --bids-exec-spec > boutiques.json.new
	mv boutiques.json.new boutiques.json
	$(BIN)/python -m bids_denoise.cli.manual docs/usage.md docs/errors.md

# The viewer's page, from its TypeScript; what is built is committed.
page:
	cd bids_denoise/viewer/web && npm ci --no-audit --no-fund && npm run build

benchmarks: $(VENV)/bench.stamp
	for each in nlm.py nlm_cuda.py mppca.py sigma.py anatomical trust.py parallel.py \
	  diffusion.py functional.py trained_series.py connectome.py segmentation.py normalisation.py \
	  brain_mask.py voxelwise.py classifiers.py viewer.py; do \
	  $(BIN)/python benchmarks/$$each || exit 1; done

clean:
	rm -rf $(VENV) demo

$(VENV)/pip.stamp:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/app.stamp: pyproject.toml $(VENV)/pip.stamp
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/%.stamp: pyproject.toml $(VENV)/pip.stamp
	$(BIN)/pip install --quiet --editable '.[$*]'
	touch $@
