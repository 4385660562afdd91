"""A small inspection in points, worked out on paper.

| | s1 | s2 | S | m1 | m2 | M | B | E |
|---|---|---|---|---|---|---|---|---|
| Suzhou | 27.5 | 16 | 43.5 | 36 | -2 | 34 | 1 | 78.5 |
| Taizhou | 40 | 20 | 60 | 40 | 0 | 40 | 5 | 105, the cap |
| Chengdu | 40 | 20 | 60 | 40 | 0 | 40 | 0 | 59 of 100: V fired |
| Nanjing | 27.5 | 0 | 27.5 | 38 | -3 | 0 of 35: W fired | none | 27.5 |
| mean | 33.75 | 14 | 47.75 | 38.5 | -1.25 | 28.5 | 2 | 67.5 |

Nobody recorded V of Nanjing.
"""

from __future__ import annotations

SCHEME = """\
code,parent,name_zh,name_en,points,cap,role,direction,unit,scheme
E,,检查,Inspection,100,105,,,,
S,E,服务,Services,60,,,,,
s1,S,网办率,Online,40,,,1,%,>=90: 40 ; >=60: 27.5 ; else: 0
s2,S,要素,Elements,20,,,1,item,each: 4
M,E,管理,Management,40,,,,,
m1,M,差错,Errors,40,,,-1,item,each: -1
m2,M,通报,Reprimands,3,,deduction,,item,each: 1
W,M,造假,Fraud,,,veto,,item,
B,E,典型,Models,5,,bonus,1,item,each: 1
V,E,事故,Accident,59,,veto,,item,
"""
UNITS = "unit,name_zh,name_en\n1,苏州,Suzhou\n2,台州,Taizhou\n3,成都,Chengdu\n4,南京,Nanjing\n"
_RECORDED = {
    "1": {"s1": 75, "s2": 4, "m1": 4, "m2": 2, "W": 0, "B": 1, "V": 0},
    "2": {"s1": 95, "s2": 5, "m1": 0, "m2": 0, "W": 0, "B": 5, "V": 0},
    "3": {"s1": 95, "s2": 5, "m1": 0, "m2": 0, "W": 0, "B": 0, "V": 1},
    "4": {"s1": 60, "s2": 0, "m1": 2, "m2": 9, "W": 2},
}
FACTS = "unit,indicator,period,value\n" + "".join(
    f"{unit},{code},2024,{value}\n" for unit, told in _RECORDED.items() for code, value in told.items()
)
METHOD = '[normalise]\nhow = "points"\n'
FILES = {
    "framework__csv": SCHEME, "units__csv": UNITS, "observations__csv": FACTS, "method__toml": METHOD,
}  # fmt: skip
ILLUSTRATIVE = {**FILES, "assessment__toml": 'framework = "framework.csv"\nillustrative = true\n'}
