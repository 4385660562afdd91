"""What the tests share: the folder of reference data, and small workspaces written in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FULL = os.environ.get("CITYGAUGE_TEST_FULL") == "1"


@pytest.fixture
def reference() -> Callable[[str], Path]:
    """Return a function that finds a file or folder of reference data, or skips the test with the reason."""

    def find(name: str) -> Path:
        place = Path(os.environ.get("CITYGAUGE_REFERENCE_DATA", ROOT / "../shared/data")).resolve() / name
        if not place.exists():
            pytest.skip(f"no reference data: {name} is not in the folder CITYGAUGE_REFERENCE_DATA names")
        return place

    return find


FRAMEWORK = """\
code,parent,level,name_zh,name_en,weight,direction,unit,low,high
I,,0,指数,Index,,,,,
P,I,1,支柱甲,Pillar P,0.6,,,,
Q,I,1,支柱乙,Pillar Q,0.4,,,,
a,P,2,指标甲,Indicator a,,1,%,0,100
b,P,2,指标乙,Indicator b,,-1,days,0,10
c,Q,2,指标丙,Indicator c,,1,%,0,100
"""
UNITS = """\
unit,name_zh,name_en,size,circle
1,苏州,Suzhou,30,east
2,台州,Taizhou,20,east
3,成都,Chengdu,10,west
"""
FACTS = """\
unit,indicator,period,value
1,a,2023,80
1,b,2023,2
1,c,2023,50
2,a,2023,60
2,b,2023,5
2,c,2023,70
3,a,2023,40
3,b,2023,10
3,c,2023,
"""
# The same cities, nothing missing and every fact with its source: unit 3 has Q = 0.3, index 0.24.
SOURCED = """\
unit,indicator,period,value,source
1,a,2023,80,s
1,b,2023,2,s
1,c,2023,50,s
2,a,2023,60,s
2,b,2023,5,s
2,c,2023,70,s
3,a,2023,40,s
3,b,2023,10,s
3,c,2023,30,s
"""
METHOD = """\
[normalise]
how = "goalposts"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small workspace, any file replaced by the text that is given.

    By hand, with goalposts: unit 1 has P = (0.8 + 0.8) / 2 = 0.8, Q = 0.5, index 0.48 + 0.2 = 0.68;
    unit 2 has P = (0.6 + 0.5) / 2 = 0.55, Q = 0.7, index 0.61; unit 3 has P = (0.4 + 0) / 2 = 0.2 alone.
    """

    def write(**files: str | None) -> Path:
        folder = tmp_path / "工作 区"
        folder.mkdir(exist_ok=True)
        texts: dict[str, str | None] = {
            "assessment.toml": 'framework = "framework.csv"\n',
            "framework.csv": FRAMEWORK,
            "units.csv": UNITS,
            "observations.csv": FACTS,
            "method.toml": METHOD,
        }
        texts |= {name.replace("__", "."): text for name, text in files.items()}
        for name, text in texts.items():
            if text is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
        return folder

    return write
