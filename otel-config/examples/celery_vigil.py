"""Vigil's idempotency metrics from Celery's signals: pip install "celery[redis]" packaging opentelemetry-sdk opentelemetry-exporter-otlp-proto-http

Import it where your Celery app is made. A key is the header `idempotency_key`, else the id of the task. Signals see and do not
stop: a task whose key came before runs all the same, and is counted as `escaped`. Retries of Celery's own are no duplicates.
With the pools prefork and solo: others send no `worker_process_init`, and then nothing is counted.
"""
import os, time, redis
from celery.signals import task_prerun, worker_process_init, worker_process_shutdown
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

KEPT_SECONDS = 86_400
keys = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), socket_timeout=1)
sdk = {}

@worker_process_init.connect  # After the fork: threads of before it are gone.
def start(**_):
    provider = sdk["provider"] = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    meter = provider.get_meter("vigil.celery")
    sdk["requests"] = meter.create_counter("vigil.task.requests", "{request}")
    sdk["duplicated"] = meter.create_counter("vigil.task.duplicated_keys", "{key}")
    sdk["check"] = meter.create_histogram("vigil.idempotency.check.duration", "s", explicit_bucket_boundaries_advisory=[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.5, 1])

@task_prerun.connect
def count(task_id, task, **_):
    if "requests" not in sdk or task.request.retries: return
    headers = {**(task.request.get("headers") or {}), **task.request.__dict__}  # Where they stand differs by protocol.
    key, began = f"vigil:celery:{task.name}:{headers.get('idempotency_key') or task_id}", time.perf_counter()
    runs = keys.pipeline().incr(key).expire(key, KEPT_SECONDS).execute()[0]
    sdk["check"].record(time.perf_counter() - began, {"db.system.name": "redis"})
    about = {"vigil.task.name": task.name, "vigil.idempotency.scope": "global"}
    sdk["requests"].add(1, {**about, "vigil.idempotency.outcome": "executed" if runs == 1 else "escaped"})
    if runs == 2: sdk["duplicated"].add(1, about)

@worker_process_shutdown.connect
def stop(**_): sdk["provider"].shutdown()
