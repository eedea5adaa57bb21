"""Everything that crosses a service boundary: values, commands, events, topics and their encoding.

Services import this package and ``services.runtime``; this package imports neither.
"""

from typing import Final

__version__: Final = "0.2.0"
"""The version of the messages, the topics, the HTTP API and the rules; ``pyproject.toml`` has the same."""
