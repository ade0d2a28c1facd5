# riskkit: make calibrate, make test, make lab. Each target is enough by itself.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
STUDY  ?= studies/eth-perpetual-5m.toml
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: help env calibrate check test test-fast test-lab generated picture lab dashboard notebooks clean bench-accuracy bench-fit bench-optima bench-coverage bench-simulation bench-slider bench-reliability bench-backtest bench-store bench-robustness bench-against bench-portfolio bench-collateral bench-start bench-proofs bench-minutes replay-crashes bench-fleet bench-fleet-links bench-fleet-real bench-venue bench-fund bench-options bench-loop

help:            ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

env: $(READY)    ## create .venv with the pinned packages (uv if the registry has it, else pip)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("riskkit needs Python 3.11 or later; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing pinned packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || echo "uv is not to be had here: using pip (slower)"
	@if test -x $(BIN)/uv; then \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[market,cluster,sign,lab,proofs,test,docs,dev]'; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[market,cluster,sign,lab,proofs,test,docs,dev]'; \
	fi
	@echo "Compiling the volatility and simulation kernels (once) ..."
	@$(BIN)/riskkit warm-up
	@touch $@

calibrate: $(READY)  ## calibrate STUDY (the ETH perpetual on five-minute bars by default) into out/
	$(BIN)/riskkit calibrate $(STUDY)

check: $(READY)  ## lint, types and import contracts, in under a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check      ## check, and every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

test-fast: check ## check, and the tests that need no browser, notebook or fresh environment
	$(BIN)/python -m pytest -n 2 --dist loadgroup --ignore tests/browser --ignore tests/notebooks --ignore tests/test_environment.py $(PYTEST_ARGS)

test-lab: $(READY)  ## the part of test that runs every notebook, and the explorers in a browser
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/lab tests/browser tests/notebooks $(PYTEST_ARGS)

generated: $(READY) ## write the schemas and docs/assumptions.md anew, as the code has them
	$(BIN)/python -m tests.generated

# Kernels are compiled, and no tracer sees into them: a lane of their own runs them as Python, on
# tests whose paths are few. What a test starts in a process or a browser is not counted.
KERNELS ?= tests/venue tests/volatility tests/paths tests/waterfall
.PHONY: coverage
coverage: $(READY)  ## measure what tests reach, kernels as Python in a lane of their own (FLOOR=80 fails below)
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --ignore tests/browser --ignore tests/notebooks --ignore tests/test_environment.py --cov --cov-report= $(PYTEST_ARGS)
	NUMBA_DISABLE_JIT=1 timeout 3600 $(BIN)/python -m pytest -q -n 2 --dist loadgroup -k "$(or $(LANE),by_hand or slow or reference or identity or law)" --cov --cov-append --cov-report= $(KERNELS)
	$(BIN)/python -m coverage report --skip-covered $(if $(FLOOR),--fail-under=$(FLOOR))

.PHONY: docs docs-site
docs-site: $(READY) ## build the documentation site into out/docs, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -b html docs out/docs

docs: docs-site     ## the same, its links checked and its search tried in a real browser
	$(BIN)/python docs/checked.py out/docs

.PHONY: examples
examples: $(READY)  ## run the examples of public names that take seconds each
	$(BIN)/python -m tests.test_examples

picture: $(READY)   ## take the README's picture of the explorer, in a real browser
	$(BIN)/python -m tests.browser.picture docs/explorer.png

lab: $(READY)    ## open JupyterLab on the notebooks, on loopback with a token
	$(BIN)/jupyter lab --config=jupyter_server_config.py

bench-accuracy: $(READY)    ## correct digits on the published GARCH benchmark
	$(BIN)/python benchmarks/bench_accuracy.py

bench-fit: $(READY)         ## speed of the fit engine beside its peers
	$(BIN)/python benchmarks/bench_fit.py

bench-optima: $(READY)      ## how often a walk misses the best optimum known
	$(BIN)/python benchmarks/bench_optima.py

bench-coverage: $(READY)    ## out-of-sample coverage on every shipped asset
	$(BIN)/python benchmarks/bench_coverage.py

bench-backtest: $(READY)    ## ten assets x five years, a refit each day, beside arch
	$(BIN)/python benchmarks/bench_backtest.py

bench-simulation: $(READY)  ## speed and exactness of the default simulation
	$(BIN)/python benchmarks/bench_simulation.py --write

bench-against: $(READY)     ## this tree's kernels and fits beside those of COMMIT, as ratios
	$(BIN)/python benchmarks/against.py $(or $(COMMIT),HEAD)

bench-portfolio: $(READY)   ## coverage of every kind of book, holders who choose, many accounts at once
	$(BIN)/python benchmarks/bench_portfolio.py --write

bench-collateral: $(READY)  ## haircuts, pegs, staked tokens and closed hours, out of sample
	$(BIN)/python benchmarks/bench_collateral.py --write
bench-options: $(READY)     ## options: full revaluation, parity, a set held to a library of structures
	$(BIN)/python -m benchmarks.bench_options --write

dashboard: $(READY)  ## serve the explorer as an app, on loopback with a token
	$(BIN)/riskkit dashboard studies/eth-perpetual-daily.toml studies/btc-perpetual-hourly.toml

bench-reliability: $(READY) ## predictions held to history; three generations
	$(BIN)/python benchmarks/bench_reliability.py --write

.PHONY: bench-forecast
bench-forecast: $(READY)    ## forecasts held to what came: level, clusters, speed of component GARCH (research data)
	$(BIN)/python benchmarks/bench_forecast.py --write

.PHONY: bench-signals
bench-signals: $(READY)     ## leading signals and a learner at the gate, nulls included (research data)
	$(BIN)/python benchmarks/bench_signals.py --write

bench-fleet: $(READY)       ## a night of markets: bits, killed workers, speed, resumption
	$(BIN)/python benchmarks/bench_fleet.py $(if $(COMMIT),--before $(COMMIT))

bench-fleet-links: $(READY) ## a cluster in network namespaces, its links pulled, its scheduler killed (root)
	$(BIN)/python -m benchmarks.fleet_namespaces

bench-fleet-real: $(READY)  ## MARKETS real markets in one night into FOLDER (research data)
	$(BIN)/python -m benchmarks.real_fleet $(or $(FOLDER),out/real-fleet) --markets $(or $(MARKETS),1000)

bench-venue: $(READY)       ## the venue as a system: exactness, speed, real depth and books
	$(BIN)/python benchmarks/bench_venue.py

bench-fund: $(READY)        ## what stands behind a venue: money, published rows, the fund's band, speed
	$(BIN)/python benchmarks/bench_fund.py

bench-loop: $(READY)        ## a loop that proposes rules, and policies of closing, out of sample (research data)
	$(BIN)/python benchmarks/bench_loop.py --write

bench-proofs: $(READY)      ## margin proofs: every verdict, a slow implementation beside, costs
	$(BIN)/python -m benchmarks.bench_proofs --write

bench-start: $(READY)       ## processor seconds from a command to its answer
	$(BIN)/python benchmarks/bench_start.py --write

replay-crashes: $(READY)    ## three crashes replayed as pages into out/replays (research data)
	$(BIN)/python benchmarks/replay_crashes.py --write

bench-minutes: $(READY)     ## minute bars: predicted and realised defaults, time and memory (research data)
	$(BIN)/python benchmarks/bench_minutes.py --write

bench-robustness: $(READY)  ## damaged files of every kind: nothing may crash, lie or raise a false alarm
	$(BIN)/python -m benchmarks.bench_robustness --show --write

bench-store: $(READY)       ## load 20 assets of hourly bars: the store beside pandas reading CSV
	$(BIN)/python benchmarks/bench_store.py --write

bench-slider: $(READY)  ## measure slider to changed chart in a real browser
	$(BIN)/python -m benchmarks.bench_slider --write

notebooks: $(READY)  ## run every notebook and write it as a page into out/notebooks
	$(BIN)/python -c 'from riskkit.lab.notebook_report import report_folder; report_folder("notebooks", "out/notebooks")'

clean:           ## remove the environment, caches and results
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
