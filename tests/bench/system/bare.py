"""The floor of the gateway: FastAPI and uvicorn with its settings, one endpoint, the same body and publish.

No token, no key, no rule, no database.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import date

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic import BaseModel

from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings


class Work(BaseModel):
    """The days that were worked."""

    first: date
    last: date


class Components(BaseModel):
    """What was paid, in øre."""

    wage_ore: int
    holiday_pay_ore: int = 0
    atp_ore: int = 0
    pension_ore: int = 0


class Report(BaseModel):
    """A report as a plain model."""

    employment_id: str
    reference: str
    work: Work
    payment_date: date
    components: Components
    allow_duplicate: bool = False


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The producer, with the gateway's settings."""
    app.state.producer = AIOKafkaProducer(
        **client_options(KafkaSettings()),
        enable_idempotence=True,
        acks="all",
        linger_ms=2,
        max_batch_size=256 * 1024,
        max_request_size=2 * 1024 * 1024,
    )
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    """The server is ready."""
    return {"status": "ready"}


@app.post("/v1/reports", status_code=202)
async def report(body: Report) -> dict[str, str]:
    """Answer when all in-sync replicas have the record."""
    await app.state.producer.send_and_wait(
        os.environ["BENCH_SINK"], body.model_dump_json().encode(), key=body.employment_id.encode()
    )
    return {"status": "pending"}


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
    )
