"""How alike two names, addresses or phone numbers are, in any script, vectorised over pairs.

A text is folded once (NFKC, case, accents, punctuation), cut into tokens (Chinese and other
scripts without spaces: single characters and bigrams; everything else: words), and weighed by
inverse document frequency, so that "restaurant" and 饭店 count for little and a rare name for
much. Similarities of pairs are then sparse matrix arithmetic and rapidfuzz's pairwise scorers:
no Python loop runs over pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse

from cimkit.fuse.arrays import Floats, Ints, Texts

_BRACKETED = re.compile(r"[(\[{【〔〖「『<]([^()\[\]{}【】〔〕〖〗「」『』<>]*)[)\]}】〕〗」』>]?")
#: Scripts written without spaces between words: kana, CJK ideographs, Hangul is written with spaces.
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}_]+")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_DIGITS = re.compile(r"\d+")
_MARK_LETTERS = 4
#: Enough digits to tell one subscriber from another without country and area codes.
_SUBSCRIBER_DIGITS = 8


def fold(text: str) -> str:
    """A text without the differences that mean nothing: width, case, accents, outer space."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    if composed.isascii():
        return composed.strip()
    # Only Latin, Greek and Cyrillic accents: か and が differ by a combining mark, and are not alike.
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", composed))
    return unicodedata.normalize("NFC", bare).strip()


def split_branch(folded: str) -> tuple[str, str]:
    """A folded name as (name, branch): what stands in brackets tells branches of one chain apart."""
    branch = " ".join(part.strip() for part in _BRACKETED.findall(folded))
    name = _BRACKETED.sub(" ", folded).strip()
    return (name, branch) if name else (branch, "")


def tokens(folded: str) -> list[str]:
    """Words of spaced scripts; characters and bigrams of unspaced ones."""
    found: list[str] = []
    for run in _RUNS.findall(folded):
        if _UNSPACED_RUN.match(run):
            found.extend(run)
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            found.append(run)
    return found


def marks(folded: str) -> set[str]:
    """What two names of the same thing nearly always share: a word's beginning, or a bigram."""
    found: set[str] = set()
    for run in _RUNS.findall(folded):
        if _UNSPACED_RUN.match(run):
            found.update(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        else:
            found.add(run[:_MARK_LETTERS])
    return found


def numbers(folded: str) -> list[str]:
    """The numbers in a text, without leading zeros: house numbers, floors, units."""
    return [digits.lstrip("0") or "0" for digits in _DIGITS.findall(folded)]


def subscribers(text: str) -> list[str]:
    """The phone numbers in a text by their last digits, whatever separates and prefixes them."""
    parts = re.split(r"[;,/|、；，]", unicodedata.normalize("NFKC", text))
    found = (re.sub(r"\D", "", part)[-_SUBSCRIBER_DIGITS:] for part in parts)
    return [digits for digits in found if len(digits) >= 6]


def is_unspaced(folded: str) -> bool:
    """Whether a text has characters of a script that is written without spaces."""
    return _UNSPACED_RUN.search(folded) is not None


class Rarity:
    """Inverse document frequency of tokens, counted over all texts of all sources."""

    def __init__(self, cut: Callable[[str], Iterable[str]] = tokens) -> None:
        self._cut = cut
        self._documents: Counter[str] = Counter()
        self._texts = 0

    def count(self, folded: Iterable[str]) -> None:
        """Take texts into the count; may be called for batch after batch."""
        for text in folded:
            self._documents.update(set(self._cut(text)))
            self._texts += 1

    def of(self, token: str) -> float:
        """ln(1 + texts / (1 + texts with the token)): about 0.7 for a token of every text, never 0."""
        return float(np.log1p(self._texts / (1 + self._documents[token])))


class Bags:
    """The token bags of a list of texts as one sparse matrix: a row a text, a column a token.

    Columns are in the order of the tokens, so that sums over a row are the same number,
    to the last bit, whatever other texts there are.
    """

    def __init__(
        self, folded: Texts, rarity: Rarity | None = None, cut: Callable[[str], Iterable[str]] = tokens
    ) -> None:
        bags = [sorted(set(cut(text))) for text in folded]
        vocabulary = sorted(set().union(*bags))
        column = {token: number for number, token in enumerate(vocabulary)}
        indices = np.array([column[token] for bag in bags for token in bag], dtype=np.int32)
        offsets = np.cumsum([0, *map(len, bags)])
        weights = np.array([rarity.of(token) if rarity else 1.0 for token in vocabulary], dtype=np.float64)
        shape = (len(bags), max(1, len(vocabulary)))
        self._present: Any = sparse.csr_matrix((np.ones(len(indices)), indices, offsets), shape=shape)
        self._weighed: Any = sparse.csr_matrix((weights[indices], indices, offsets), shape=shape)
        self.total: Floats = np.asarray(self._weighed.sum(axis=1)).ravel()

    def shared(self, i: Ints, j: Ints) -> Floats:
        """The weight of the tokens that texts ``i[k]`` and ``j[k]`` have in common."""
        return np.asarray(self._present[i].multiply(self._weighed[j]).sum(axis=1)).ravel()


def jaccard(shared: Floats, left: Floats, right: Floats) -> Floats:
    """Shared weight over all weight; 0 where neither text has any."""
    union = left + right - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def containment(shared: Floats, left: Floats, right: Floats) -> Floats:
    """Shared weight over the lighter text's weight; 0 where that has none."""
    smaller = np.minimum(left, right)
    return np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)


def pairwise(scorer: Any, left: Texts, right: Texts) -> Floats:
    """A rapidfuzz scorer over aligned arrays of texts; 0 where one is empty, and nothing is known of their likeness."""
    from rapidfuzz import process

    scores = process.cpdist(left, right, scorer=scorer, dtype=np.float64)
    return np.where((left == "") | (right == ""), 0.0, scores)
