"""How alike two places are: their names, branches, numbers, addresses, phones and distance.

Everything is computed for whole arrays of pairs. A text that two places share is prepared
once, however many pairs it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cimkit.fuse.arrays import Flags, Floats, Ints, Texts
from cimkit.fuse.names import Bags, containment, is_unspaced, jaccard, numbers, pairwise
from cimkit.fuse.texts import Rarities

#: Beyond this the distance counts once more: within it, it is the width of a mall or a careless pin.
_FAR_M = 100.0

FEATURES = (
    "name_jaro_winkler",
    "name_ratio",
    "name_words",
    "name_jaccard",
    "name_containment",
    "name_containment_without_branch",
    "name_shared_rarity",
    "branch_differs",
    "number_differs",
    "number_on_one_side",
    "address_jaccard",
    "address_containment",
    "address_missing",
    "address_number_shared",
    "address_number_differs",
    "postcode_same",
    "postcode_differs",
    "phone_shared",
    "distance_log",
    "distance_far",
)


@dataclass(frozen=True, slots=True)
class Places:
    """Texts of places, folded (see :mod:`cimkit.fuse.texts`), as arrays of one length."""

    full: Texts
    name: Texts
    branch: Texts
    address: Texts
    postcode: Texts
    phone: Texts


class Comparison:
    """Compares pairs of the given places."""

    def __init__(self, places: Places, rarities: Rarities) -> None:
        self._places = places
        self._full = Bags(places.full, rarities.names)
        self._name = Bags(places.name, rarities.names)
        self._branch = Bags(places.branch, rarities.names)
        self._address = Bags(places.address, rarities.addresses)
        self._number = Bags(places.full, cut=numbers)
        self._house = Bags(places.address, cut=numbers)
        self._phone = Bags(places.phone, cut=str.split)
        self._unspaced = np.array([is_unspaced(text) for text in places.full], dtype=bool)

    def unspaced(self, i: Ints, j: Ints) -> Flags:
        """Whether either name of a pair is in a script without spaces, which has weights of its own."""
        return self._unspaced[i] | self._unspaced[j]

    def features(self, i: Ints, j: Ints, distance_m: Floats) -> Mapping[str, Floats]:
        """:data:`FEATURES` of the pairs (``i[k]``, ``j[k]``); similarities are 0..1."""
        return {
            **self._names(i, j),
            **self._branches(i, j),
            **self._addresses(i, j),
            "phone_shared": (self._phone.shared(i, j) > 0).astype(np.float64),
            "distance_log": np.log1p(distance_m / 10),
            "distance_far": np.maximum(distance_m - _FAR_M, 0) / 1000,
        }

    def _names(self, i: Ints, j: Ints) -> dict[str, Floats]:
        from rapidfuzz import fuzz
        from rapidfuzz.distance import JaroWinkler

        full, name = self._places.full, self._places.name
        shared, bare = self._full.shared(i, j), self._name.shared(i, j)
        return {
            "name_jaro_winkler": pairwise(JaroWinkler.normalized_similarity, name[i], name[j]),
            "name_ratio": pairwise(fuzz.ratio, full[i], full[j]) / 100,
            "name_words": pairwise(fuzz.token_set_ratio, full[i], full[j]) / 100,
            "name_jaccard": jaccard(shared, self._full.total[i], self._full.total[j]),
            "name_containment": containment(shared, self._full.total[i], self._full.total[j]),
            "name_containment_without_branch": containment(bare, self._name.total[i], self._name.total[j]),
            "name_shared_rarity": np.log1p(bare),
        }

    def _branches(self, i: Ints, j: Ints) -> dict[str, Floats]:
        left, right = self._branch.total[i], self._branch.total[j]
        alike = containment(self._branch.shared(i, j), left, right)
        has_left, has_right = self._number.total[i] > 0, self._number.total[j] > 0
        none_shared = self._number.shared(i, j) == 0
        return {
            "branch_differs": np.where((left > 0) & (right > 0), 1 - alike, 0.0),
            "number_differs": (has_left & has_right & none_shared).astype(np.float64),
            "number_on_one_side": (has_left != has_right).astype(np.float64),
        }

    def _addresses(self, i: Ints, j: Ints) -> dict[str, Floats]:
        left, right, shared = self._address.total[i], self._address.total[j], self._address.shared(i, j)
        known = (left > 0) & (right > 0)
        house_left, house_right = self._house.total[i], self._house.total[j]
        same_house = containment(self._house.shared(i, j), house_left, house_right)
        code = self._places.postcode
        coded = (code[i] != "") & (code[j] != "")
        same_code = code[i] == code[j]
        return {
            "address_jaccard": np.where(known, jaccard(shared, left, right), 0.0),
            "address_containment": np.where(known, containment(shared, left, right), 0.0),
            "address_missing": (~known).astype(np.float64),
            "address_number_shared": same_house,
            "address_number_differs": ((house_left > 0) & (house_right > 0) & (same_house == 0)).astype(np.float64),
            "postcode_same": (coded & same_code).astype(np.float64),
            "postcode_differs": (coded & ~same_code).astype(np.float64),
        }
