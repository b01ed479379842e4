# bids-denoise: docker build -t bids-denoise .
# CPU image by default. Elsewhere than on a machine that has the CPU build of torch at hand, name the
# package index that serves it:   --build-arg TORCH_INDEX=URL
# CUDA image (NVIDIA driver on the host, docker run --gpus all):   --build-arg VARIANT=cuda
FROM python:3.11-slim-bookworm AS build
ARG VARIANT=cpu
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/bids-denoise
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bids_denoise ./bids_denoise
RUN if [ "$VARIANT" = cuda ]; then extra="[cuda]"; else extra=""; fi \
 && if [ -n "$TORCH_INDEX" ]; then \
      /opt/bids-denoise/bin/pip install --index-url "$TORCH_INDEX" "torch>=2.4,<2.14"; fi \
 && /opt/bids-denoise/bin/pip install ".$extra"
# What only developers of these packages need, and then bytecode: the image is read-only later.
RUN cd /opt/bids-denoise/lib/python3.11/site-packages \
 && rm -rf torch/include torch/share pip pip-* \
 && find numba scipy sklearn pandas matplotlib nilearn statsmodels -type d -name tests -prune \
      -exec rm -rf {} + 2>/dev/null; \
    /opt/bids-denoise/bin/python -m compileall -q -j 0 /opt/bids-denoise/lib >/dev/null; \
    /opt/bids-denoise/bin/bids-denoise --version

FROM python:3.11-slim-bookworm
ARG VERSION=0.1.0
ARG IMAGE=bids-denoise
LABEL org.opencontainers.image.title="bids-denoise" \
      org.opencontainers.image.description="Removes the noise of every MRI in a BIDS dataset" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/bids-denoise /opt/bids-denoise
# HOME is world-writable so that any uid can run; one BLAS thread, since the kernels are parallel.
RUN mkdir -m 1777 /home/bids
ENV PATH=/opt/bids-denoise/bin:$PATH \
    HOME=/home/bids \
    LANG=C.UTF-8 \
    PYTHONNOUSERSITE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    BIDS_DENOISE_CONTAINER_TYPE=docker \
    BIDS_DENOISE_CONTAINER_TAG=${IMAGE}:${VERSION}
WORKDIR /tmp
USER 1000:1000
ENTRYPOINT ["bids-denoise"]
