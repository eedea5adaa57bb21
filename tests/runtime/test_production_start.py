"""A process with the settings of a development machine does not start in production."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.local.ports import free_port
from services.runtime import exit_codes

ROOT: Final = Path(__file__).parents[2]


def test_the_gateway_refuses_development_settings_and_names_each() -> None:
    example = dict(re.findall(r"^(FRIKORT_\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
    given = {
        "FRIKORT_ENVIRONMENT": "production",
        "FRIKORT_KAFKA": "127.0.0.1:1",
        "FRIKORT_MONGODB": "mongodb://127.0.0.1:1/?replicaSet=frikort",
        "FRIKORT_ISSUER": "http://login.example.dk",
        "FRIKORT_JWKS_URL": "http://login.example.dk/jwks",
        "FRIKORT_API_URL": "http://api.example.dk",
        "FRIKORT_EXTRACT_FILES": "s3://frikort/extracts",
        "FRIKORT_TOPIC_REPLICATION": "1",
        "FRIKORT_PORT": str(free_port()),
        "FRIKORT_HEALTH_PORT": str(free_port()),
    }
    gateway = subprocess.run(
        [sys.executable, "-m", "services.gateway"],
        cwd=ROOT,
        env=environment | example | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert gateway.returncode == exit_codes.UNSAFE_SETTING, gateway.stderr
    lines = [json.loads(line) for line in (gateway.stdout + gateway.stderr).splitlines() if line.startswith("{")]
    (refusal,) = [line for line in lines if line["event"] == "runtime.refused"]
    assert refusal["setting"].split(", ") == [
        "FRIKORT_TOPIC_REPLICATION",
        "the key example-1 in FRIKORT_ENCRYPTION_KEYS",
        *(f"the key example-1 in FRIKORT_KEY_ENCRYPTION_KEYS_{purpose}" for purpose in ("CPR", "NAME", "TEXT")),
        "FRIKORT_LOOKUP_KEY",
        "the key example-1 in FRIKORT_AUDIT_LOG_KEYS",
        "FRIKORT_ISSUER",
        "FRIKORT_JWKS_URL",
        "FRIKORT_API_URL",
        "FRIKORT_MONGODB_USER",
        "FRIKORT_MONGODB_TLS",
        "FRIKORT_KAFKA_USER",
        "FRIKORT_KAFKA_TLS",
    ]
    for secret in re.findall(r"[A-Za-z0-9+/]{43}=", "".join(example.values())):
        assert secret not in gateway.stdout + gateway.stderr
