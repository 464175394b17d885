"""Examples that need a library which is large, and may be missing: PyTorch."""

import re
from importlib.util import find_spec


def left_out(folder, libraries=("torch",)):
    """Return the examples in a folder that import one of these which is missing."""
    missing = [name for name in libraries if find_spec(name) is None]
    if not missing:
        return []
    pattern = re.compile(rf"^(?:import|from) (?:{'|'.join(missing)})\b", re.MULTILINE)
    files = sorted(folder.glob("*.py"))
    return [file for file in files if pattern.search(file.read_text(encoding="utf-8"))]
