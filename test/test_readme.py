"""The README's tables are those of the code, and its relative links lead somewhere."""

import re
import runpy
from pathlib import Path

from har_ros.core.model_card import load_card

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_tables_are_fresh() -> None:
    tables = runpy.run_path(str(ROOT / "tools" / "readme_tables.py"))
    assert tables["filled"](README) == README, "run: python tools/readme_tables.py"


def test_the_share_told_unknown_is_the_tests_where_a_card_has_it() -> None:
    tables = runpy.run_path(str(ROOT / "tools" / "readme_tables.py"))
    card = load_card(ROOT / "models" / "edge")
    for figures in tables["tested"](card).values():
        figures["published"] = {"unknown": figures["n"] / 2}
    rows = tables["cases"](card)
    assert [row.split("|")[5].strip() for row in rows[2:]] == ["50%"] * len(tables["CASES"])


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert "docs/demo.png" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
