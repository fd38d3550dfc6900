"""The Python examples of the documents run, block after block, and print what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ssmsym.exporters.discovery import get_exporter

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
WITH_EXAMPLES = sorted(path.name for path in DOCS.glob("*.md") if BLOCK.search(path.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name, tmp_path):
    text = "\n".join(BLOCK.findall((DOCS / name).read_text()))
    if "continue_in" in text and get_exporter("auto07p").find() is None:
        pytest.skip("AUTO-07p is not installed")
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    printed = [line.strip() for line in done.stdout.splitlines()]
    for promised in re.findall(r"^print\(.*\)  # (.*)$", text, re.MULTILINE):
        assert promised in printed
