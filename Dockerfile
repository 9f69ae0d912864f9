# mcqa-suite on a CPU. Unbuilt: checked with hadolint only, so expect to mend a line.
#
#   docker build -t mcqa .
#   docker run --rm -v "$PWD:/work" mcqa compare runs/base runs/gptq4
#
# To run models too, add --build-arg EXTRAS='[eval]'. torch then brings several GB of CUDA libraries, unless
# --build-arg TORCH_INDEX=URL names PyTorch's index of wheels for CPUs.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir build==1.6.1 && python -m build --wheel --outdir /dist

FROM python:3.12-slim
ARG EXTRAS=""
ARG TORCH_INDEX=""
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch>=2.11"; fi \
    && for wheel in /dist/*.whl; do pip install --no-cache-dir "$wheel$EXTRAS"; done \
    && useradd --create-home --uid 1000 mcqa
USER 1000
WORKDIR /work
ENTRYPOINT ["mcqa"]
CMD ["--help"]
