# One image for web and worker: what a container does is its command.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/relief \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

RUN useradd --system --no-create-home --shell /usr/sbin/nologin relief
WORKDIR /relief
COPY requirements.lock .
RUN pip install --require-hashes --only-binary :all: -r requirements.lock
COPY migrations migrations
COPY backend backend
RUN printf '#!/bin/sh\nexec python -m backend.cli "$@"\n' > /usr/local/bin/relief && chmod +x /usr/local/bin/relief

USER relief
EXPOSE 8080 9091
ENTRYPOINT ["relief"]
CMD ["serve", "--bind", "0.0.0.0:8080"]
