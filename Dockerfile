# Three images from one file: `packages` and `build` are left behind, `nginx` serves the static and
# the stored files, and the last one, which is the default, runs the web server, the workers and
# the beat.

FROM python:3.13-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/arv
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.13-slim-bookworm AS build
WORKDIR /srv/arv
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY . .
# Collecting needs settings, but none of their secrets: these never leave this stage.
RUN script/setup \
    && SECRET_KEY=build ENCRYPTION_KEYS=build API_TOKEN_PEPPER=build PUBLIC_URL=http://build \
    .venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM nginxinc/nginx-unprivileged:1.28-alpine AS nginx
COPY --from=build /srv/arv/staticfiles /srv/static
COPY deploy/nginx /etc/nginx/arv
# The site to serve: http.conf, or https.conf with the certificate in /etc/nginx/tls.
CMD ["nginx", "-c", "/etc/nginx/arv/http.conf", "-g", "daemon off;"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/nginx-health"]

FROM python:3.13-slim-bookworm AS app
RUN groupadd --gid 10001 arv \
    && useradd --uid 10001 --gid arv --no-create-home --home-dir /var/lib/arv \
        --shell /usr/sbin/nologin arv \
    && install --directory --owner=arv --group=arv /var/lib/arv /var/lib/arv/storage
WORKDIR /srv/arv
COPY --from=packages /opt/venv /opt/venv
COPY --from=build /srv/arv/staticfiles staticfiles
COPY --from=build /srv/arv/locale locale
COPY manage.py ./
COPY arv arv
COPY companies companies
COPY content content
COPY analytics analytics
COPY templates templates
COPY static static
COPY deploy/check_health.py deploy/gunicorn_config.py deploy/make_bucket.py deploy/
ENV PATH=/opt/venv/bin:$PATH \
    DJANGO_SETTINGS_MODULE=arv.settings \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VAR_DIR=/var/lib/arv
USER 10001:10001
EXPOSE 8000
# Workers at once by WEB_CONCURRENCY, which gunicorn reads itself.
CMD ["gunicorn", "arv.wsgi", "--bind", "0.0.0.0:8000", "--config", "deploy/gunicorn_config.py"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "deploy/check_health.py"]
