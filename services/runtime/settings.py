"""Settings that every service shares, from environment variables ``FRIKORT_<NAME>``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[2]


class ProcessSettings(BaseSettings):
    """What every process needs. Each field is read from ``FRIKORT_`` and its name, for example ``FRIKORT_MONGODB``."""

    model_config = SettingsConfigDict(
        env_prefix="FRIKORT_",
        frozen=True,
        # pydantic would repeat the keys and passwords beside a setting that is missing.
        hide_input_in_errors=True,
    )

    environment: Literal["local", "production"] = Field(
        default="production", description="`local` allows a settable clock and provisional amounts."
    )
    mongodb: str = Field(description="MongoDB connection string; must name a replica set.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on.")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = "info"
    start_timeout: float = Field(default=60.0, description="Seconds to wait for Kafka and MongoDB at start.")
    stop_timeout: float = Field(
        default=8.0,
        gt=0,
        description="Seconds from SIGTERM to the end; must be shorter than the orchestrator's grace period.",
    )


class RuntimeSettings(ProcessSettings):
    """What a process on Kafka needs besides."""

    kafka: str = Field(description="Kafka bootstrap servers, `host:port`, comma separated.")
    allowances: Path = Field(
        default=REPOSITORY / "deploy" / "allowances.toml", description="The allowance table (TOML)."
    )
    accept_provisional: bool | None = Field(
        default=None, description="Accept reports in a provisional year; by default only when local."
    )
    topic_replication: int = Field(default=3, ge=1, description="Replicas of each topic, when topics are made.")
    batch_records: int = Field(default=750, ge=1, description="Most records in one batch.")
    min_batch_interval: float = Field(
        default=0.03, ge=0, description="Least seconds from one small batch to the next; records gather meanwhile."
    )
    stall_timeout: float = Field(
        default=60.0, gt=0, description="Seconds without progress while records wait, until a processor is not ready."
    )
    publish_timeout: float = Field(default=20.0, description="Seconds until a publish counts as failed.")
    session_timeout: float = Field(default=10.0, description="Seconds without heartbeat until Kafka evicts us.")
    dead_letter_limit: int = Field(default=1000, ge=1, description="Dead letters in a row that stop the service.")

    @property
    def provisional_accepted(self) -> bool:
        """Whether reports in a provisional year are accepted."""
        if self.accept_provisional is None:
            return self.environment == "local"
        return self.accept_provisional
