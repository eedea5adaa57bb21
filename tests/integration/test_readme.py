"""The example of README.md works as it is written."""

from __future__ import annotations

import json
import re
import subprocess

from deploy.local.config import REPOSITORY
from tests.integration.scene import TODAY, World

ADDRESSES = "API=http://127.0.0.1:8087 TOKENS=http://127.0.0.1:8090/token"
DAY = "$(TZ=Europe/Copenhagen date +%F)"


def test_the_example_issues_a_card_registers_reports_and_reads_the_balance(world: World) -> None:
    (example,) = re.findall(r"^```bash\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert ADDRESSES in example
    assert DAY in example
    here = f"API={world.system.gateway_url} TOKENS={world.system.provider_url}/token"
    script = example.replace(ADDRESSES, here).replace(DAY, f"{TODAY}")

    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    report, rest = json.JSONDecoder().raw_decode(done.stdout)
    assert (report["total_ore"], report["split"]["exempt_ore"]) == (100_000, 100_000)
    (balance,) = json.loads(done.stdout[rest:])["balances"]
    assert (balance["year"], balance["reported_ore"], balance["exempt_ore"]) == (TODAY.year, 100_000, 100_000)
