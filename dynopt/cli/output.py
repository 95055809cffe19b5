"""What every command shares: JSON on stdout or text on stdout, progress on stderr."""

from __future__ import annotations

import json
from typing import Any


def document(result: Any) -> None:
    """Print one JSON document: the result's ``to_dict()``."""
    from dynopt.core.result import plain

    print(json.dumps(plain(result), ensure_ascii=False, indent=1))
