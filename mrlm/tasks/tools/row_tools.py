"""The environment of rows that bring their tools as JSON schemas, which nobody can run.

The model is shown the row's tools; the episode ends with the turn that calls one.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["OWN_TOOLS", "ROW_TOOLS", "RowToolsEnvironment"]

# In the column ``environment``, beside the names of environments with builtin tools.
ROW_TOOLS, OWN_TOOLS = "row_tools", "own_tools"


class RowToolsEnvironment:
    """One episode with the tools that a row describes.

    By the protocol of ``mrlm.models.chat_templates.offered_tools``: ``_tool_schemas`` says what the
    model is shown in place of public methods; ``_ends_at_calls``, that its calls are not run.
    """

    _ends_at_calls = True

    def __init__(self) -> None:
        self._tools: list[dict[str, Any]] = []

    def reset(self, tools: Any = (), **row: Any) -> None:
        """Start the episode of a dataset row.

        Args:
            tools: The schemas.
            **row: The other columns; not needed.
        """
        self._tools = list(json.loads(tools) if isinstance(tools, str) else tools)

    def _tool_schemas(self) -> list[dict[str, Any]]:
        return self._tools
