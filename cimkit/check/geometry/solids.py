"""Are solids closed, do their faces look outwards, and is each face plane?

A solid is closed where each edge joins exactly two faces that run it in opposite directions, and
looks outwards where its faces then enclose a positive volume (ISO 19107). Readers of val3dity's
reports will know these as 302 (not closed), 303 (an edge of more than two faces), 307 and 405 (faces,
or all faces, that look the wrong way) and 203 (a corner off its face's plane); the definitions
are those of Ledoux, val3dity: validation of 3D GIS primitives according to the international
standards (2018). What is not judged: shells that cross themselves or each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cimkit.check.geometry.ground import Ground
from cimkit.check.geometry.solid_faces import Faces
from cimkit.check.geometry.vertices import Flags, Floats, Ints
from cimkit.standard import SolidSpec

_TRIANGLE = 3
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class SolidVerdicts:
    """By record: the rows there are, and of each rule the rows that fail, with places and what is said of each.

    ``open_*``: edges that do not join two faces, and how many faces one has. ``turned_*``: edges run twice in
    one direction, 0 where all is turned inside out. ``bent_*``: how far a corner is off, in metres.
    """

    rows: Ints
    open_rows: Ints
    open_places: Floats
    open_edges: Ints
    open_faces: Ints
    closed: Ints
    turned_rows: Ints
    turned_places: Floats
    turned_edges: Ints
    bent_rows: Ints
    bent_places: Floats
    bent_by: Floats


def solid_verdicts(faces: Faces, ground: Ground | None, metres_per_z: float, spec: SolidSpec) -> SolidVerdicts:
    """The verdicts on a batch of solids; without a CRS their coordinates are taken for metres."""
    with np.errstate(all="ignore"):  # coordinates of a stranger may be of any size
        return _verdicts(faces, _in_metres(faces, ground, metres_per_z), spec)


def _verdicts(faces: Faces, local: Floats, spec: SolidSpec) -> SolidVerdicts:
    corner = _snapped(local, faces.solid[faces.face[faces.ring]], spec.snap_m)
    edges = _Edges.of(faces, corner)
    solids = len(faces.row)
    broken = np.bincount(edges.solid[edges.uses != 2], minlength=solids)
    turned = np.bincount(edges.solid[(edges.uses == 2) & (edges.balance != 0)], minlength=solids)
    # A solid of which no edge is left after snapping has no inside.
    empty = np.bincount(edges.solid, minlength=solids) == 0
    inside_out = (_volumes(faces, local) <= 0) & (broken == 0) & (turned == 0) & ~empty
    places = faces.xyz[:, :2]

    first_open = _first_by(edges.solid, edges.uses != 2, solids)
    open_ = np.flatnonzero((broken > 0) | empty)
    at_open = np.where(empty, _any_corner(faces, solids), np.append(edges.corner, 0)[first_open])
    first_turned = _first_by(edges.solid, (edges.uses == 2) & (edges.balance != 0), solids)
    not_closed = np.isin(faces.row, faces.row[open_])  # a record with a broken solid is not tested further
    wrong = np.flatnonzero(((turned > 0) | inside_out) & ~not_closed)
    at_turned = np.where(inside_out, _any_corner(faces, solids), np.append(edges.corner, 0)[first_turned])

    off, worst = _off_plane(faces, local)
    bent = _worst_of_each(faces.row[faces.solid], off, spec.planarity_m)
    one_open, one_turned = _one_of_each(faces.row[open_]), _one_of_each(faces.row[wrong])
    open_, wrong = open_[one_open], wrong[one_turned]
    rows = np.unique(faces.row)
    return SolidVerdicts(
        rows=rows,
        open_rows=faces.row[open_],
        open_places=places[at_open[open_]],
        open_edges=broken[open_],
        open_faces=np.where(empty[open_], 0, np.append(edges.uses, 0)[first_open[open_]]),
        closed=rows[~np.isin(rows, faces.row[open_])],
        turned_rows=faces.row[wrong],
        turned_places=places[at_turned[wrong]],
        turned_edges=np.where(inside_out[wrong], 0, turned[wrong]),
        bent_rows=faces.row[faces.solid[bent]],
        bent_places=places[worst[bent]],
        bent_by=off[bent],
    )


def _in_metres(faces: Faces, ground: Ground | None, metres_per_z: float) -> Floats:
    """The corners in metres east, north and up from the first corner of their solid."""
    solid = faces.solid[faces.face[faces.ring]]
    first = np.searchsorted(solid, np.arange(len(faces.row)))
    anchors = faces.xyz[first]
    local = faces.xyz - anchors[solid]
    if ground is not None:
        local[:, :2] = np.einsum("nij,nj->ni", ground.matrices(anchors[:, :2])[solid], local[:, :2])
    local[:, 2] *= metres_per_z
    return local


def _snapped(local: Floats, solid: Ints, snap: float) -> Ints:
    """A number for each corner, the same for corners of a solid that are no farther apart than ``snap``.

    Corners are parted where one coordinate after the other has a gap, until nothing more parts. Unlike
    rounding to a grid this parts no two that lie close to each other on both sides of a line.
    """
    group = solid
    parts = 0
    for _ in range(_ROUNDS):
        for axis in range(3):
            group = _parted(group, local[:, axis], snap)
        found = int(group.max()) + 1 if len(group) else 0
        if found == parts:
            break
        parts = found
    return group


def _parted(group: Ints, values: Floats, gap: float) -> Ints:
    order = np.lexsort((values, group))
    new = (np.diff(group[order]) != 0) | ~(np.diff(values[order]) <= gap)
    numbered = np.concatenate([[0], np.cumsum(new)]) if len(order) else order
    parted = np.empty(len(order), dtype=np.int64)
    parted[order] = numbered
    return parted


@dataclass(frozen=True, slots=True)
class _Edges:
    """The edges of solids: by edge its solid, by how many faces it is used, the sum of directions, a corner of it."""

    solid: Ints
    uses: Ints
    balance: Ints
    corner: Ints

    @classmethod
    def of(cls, faces: Faces, corner: Ints) -> _Edges:
        begin = np.flatnonzero(faces.ring[1:] == faces.ring[:-1])
        start, end = corner[begin], corner[begin + 1]
        begin = begin[start != end]
        start, end = corner[begin], corner[begin + 1]
        low, high = np.minimum(start, end), np.maximum(start, end)
        order = np.lexsort((high, low))
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
        first = np.flatnonzero(new)
        direction = np.where(start < end, 1, -1)[order]
        if not len(first):
            nothing = np.zeros(0, dtype=np.int64)
            return cls(nothing, nothing, nothing, nothing)
        return cls(
            faces.solid[faces.face[faces.ring[begin[order[first]]]]],
            np.diff(np.append(first, len(order))),
            np.add.reduceat(direction, first),
            begin[order[first]],
        )


def _first_by(solid: Ints, concerned: Flags, solids: int) -> Ints:
    """By solid the first edge that is concerned; 0 where there is none."""
    found = np.zeros(max(solids, 1), dtype=np.int64)
    at = np.flatnonzero(concerned)[::-1]
    found[solid[at]] = at
    return found[:solids]


def _any_corner(faces: Faces, solids: int) -> Ints:
    return np.searchsorted(faces.solid[faces.face[faces.ring]], np.arange(solids))


def _volumes(faces: Faces, local: Floats) -> Floats:
    """The volume that each solid's faces enclose: the sum of the tetrahedra from the origin over a fan of each ring."""
    first = np.searchsorted(faces.ring, faces.ring)
    a, b = np.arange(len(local) - 1), np.arange(1, len(local))
    inside = faces.ring[a] == faces.ring[b]
    a, b = a[inside], b[inside]
    tetrahedra = (local[first[a]] * np.cross(local[a], local[b])).sum(axis=1) / 6
    return np.bincount(faces.solid[faces.face[faces.ring[a]]], tetrahedra, len(faces.row)).astype(np.float64)


def _off_plane(faces: Faces, local: Floats) -> tuple[Floats, Ints]:
    """By face how far its worst corner is from the plane that fits it best (least squares), and that corner."""
    count = len(faces.solid)
    closing = np.append(faces.ring[1:] != faces.ring[:-1], True) if len(local) else np.zeros(0, dtype=bool)
    corners = np.flatnonzero(~closing)  # the last of a ring is the first again
    face = faces.face[faces.ring[corners]]
    number = np.bincount(face, minlength=count)
    middle = _sums(face, local[corners], count) / np.maximum(number, 1)[:, None]
    around = local[corners] - middle[face]
    spread = np.zeros((count, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            spread[:, i, j] = spread[:, j, i] = np.bincount(face, around[:, i] * around[:, j], count)
    asked = (number > _TRIANGLE) & np.isfinite(spread).all(axis=(1, 2))
    normals = np.zeros((count, 3))
    if asked.any():
        normals[asked] = np.linalg.eigh(spread[asked])[1][:, :, 0]
    distance = np.abs((around * normals[face]).sum(axis=1))
    order = np.lexsort((distance, face))
    last = np.flatnonzero(np.diff(face[order], append=-1) != 0)
    off, worst = np.zeros(count), np.zeros(count, dtype=np.int64)
    off[face[order[last]]] = distance[order[last]]
    worst[face[order[last]]] = corners[order[last]]
    return off, worst


def _sums(group: Ints, values: Floats, count: int) -> Floats:
    return np.stack([np.bincount(group, values[:, axis], count) for axis in range(3)], axis=1)


def _worst_of_each(row: Ints, off: Floats, most: float) -> Ints:
    """By row the face that is off most, where that is too much."""
    bad = np.flatnonzero(off > most)
    order = bad[np.lexsort((-off[bad], row[bad]))]
    return order[_one_of_each(row[order])]


def _one_of_each(rows: Ints) -> Ints:
    """The place of the first of each row, in the order of rows."""
    return np.unique(rows, return_index=True)[1]
