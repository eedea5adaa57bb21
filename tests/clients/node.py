"""The checks that run on Node.js: linters, and the generator and compiler of TypeScript clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.local import node as runtime
from deploy.local import npm
from deploy.local.config import default_cache
from deploy.local.progress import Silent

NODE_TOOLS: Final = Path(__file__).parent / "node_tools"


def node() -> Path:
    """The `node` command."""
    return runtime.fetch(default_cache(), Silent())


def script(package: str, command: str | None = None) -> Path:
    """The JavaScript file of a package's command, which is named like the package unless `command` is given."""
    home = npm.install(NODE_TOOLS, default_cache()) / package
    commands = json.loads((home / "package.json").read_text())["bin"]
    return home / (commands if isinstance(commands, str) else commands[command or package])
