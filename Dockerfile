# The images: cni-infoblox (coordinator, agent, installer, command), gridsim (the simulated grid), node (a machine for
# docker-compose.yml). Built by BuildKit: `make images`, or `docker build --target cni-infoblox .`
# All but the node's are made on the machine that builds, for the machine that runs them: with --platform, whatever
# processor that has, nothing of it is executed here and no emulation is needed.

# Any Debian 12 with apt; only the node's image keeps it. The other two hold unpacked packages and nothing else.
ARG BASE=debian:bookworm-slim

# What builds: the Python whose bytecode and installer the other stages use.
FROM --platform=$BUILDPLATFORM ${BASE} AS builder
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates python3.11-venv

# The plugin is one static file, which the compiler links across processors.
FROM --platform=$BUILDPLATFORM ${BASE} AS plugin
ARG TARGETARCH
WORKDIR /src
COPY plugin plugin
COPY pyproject.toml ./
RUN plugin/static/build.sh --arch "$TARGETARCH" /out/infoblox

# Python and the libraries that it loads, as Debian packages them. No shell, no package manager: what is not in the
# image needs no patch.
FROM builder AS system
ARG TARGETARCH
COPY images/system /
RUN /system "$TARGETARCH" /root-of-image

# The virtual environment: locked versions, checked by their hashes, no pip inside.
FROM builder AS python
ARG TARGETARCH
WORKDIR /src
RUN python3.11 -m venv /builder && /builder/bin/python -m pip uninstall --quiet --yes setuptools \
    && python3.11 -m venv --without-pip /opt/cni-infoblox
# The secret `ca` is for builds behind a proxy with an authority of its own; it does not reach the image.
COPY images/pip images/build.lock images/
COPY requirements.lock ./
RUN --mount=type=secret,id=ca,required=false images/pip "$(dpkg --print-architecture)" /builder images/build.lock
RUN --mount=type=secret,id=ca,required=false images/pip "$TARGETARCH" /opt/cni-infoblox requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY plugin plugin
COPY protocol protocol
COPY daemon daemon
COPY nodeagent nodeagent
COPY coordinator coordinator
COPY gridsim gridsim
COPY ctl ctl
RUN /builder/bin/python -m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
    && /builder/bin/python -m pip --python /opt/cni-infoblox/bin/python install --quiet --no-deps --no-index /wheels/*.whl \
    && find /opt/cni-infoblox -name '*.pyc' -delete \
    && /opt/cni-infoblox/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/cni-infoblox

FROM python AS python-gridsim
ARG TARGETARCH
COPY requirements-gridsim.lock ./
RUN --mount=type=secret,id=ca,required=false images/pip "$TARGETARCH" /opt/cni-infoblox requirements-gridsim.lock \
    && /opt/cni-infoblox/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/cni-infoblox

FROM scratch AS runtime
COPY --from=system /root-of-image /
COPY LICENSE NOTICE /usr/share/doc/cni-infoblox/
ENV PATH=/opt/cni-infoblox/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="cni-infoblox"
# The agent and the installer act on the node as root, which their manifests say; nothing else does.
USER 65532:65532

FROM runtime AS gridsim
LABEL org.opencontainers.image.title="cni-infoblox-gridsim" \
      org.opencontainers.image.description="A simulated Infoblox grid that speaks the WAPI over HTTPS"
COPY --from=python-gridsim /opt/cni-infoblox /opt/cni-infoblox
EXPOSE 8443
CMD ["cni-infoblox-gridsim", "--listen", "0.0.0.0:8443"]

# A node for docker-compose.yml: CNI's main plugins, tools for namespaces, and what plays the container runtime.
FROM ${BASE} AS node
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        containernetworking-plugins iproute2 iputils-ping python3.11 util-linux \
    && rm -rf /var/lib/apt/lists/*
LABEL org.opencontainers.image.title="cni-infoblox-node" \
      org.opencontainers.image.description="A node for the local test grid of cni-infoblox; not for production"
ENV PATH=/opt/cni-infoblox/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1 PYTHONPATH=/opt
COPY --from=python /opt/cni-infoblox /opt/cni-infoblox
COPY demo /opt/demo
CMD ["python", "-m", "demo.runtime"]

# Last, so that a build without --target makes it.
FROM runtime AS cni-infoblox
LABEL org.opencontainers.image.title="cni-infoblox" \
      org.opencontainers.image.description="IP address management for Kubernetes pods, backed by an Infoblox NIOS grid"
COPY --from=plugin /out/ /usr/lib/cni-infoblox/
COPY --from=python /opt/cni-infoblox /opt/cni-infoblox
CMD ["cni-infoblox", "--help"]
