"""The README's tables are those of the code, and its relative links lead somewhere."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_tables_are_fresh() -> None:
    tables = runpy.run_path(str(ROOT / "tools" / "readme_tables.py"))
    assert tables["filled"](README) == README, "run: python tools/readme_tables.py"


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert "docs/demo.png" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
