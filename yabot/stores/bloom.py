"""BloomFilter: a set that may take a stranger for a member, but never the other way round.

After Bloom, "Space/time trade-offs in hash coding with allowable errors" (1970), with places made
of two halves of one hash (Kirsch and Mitzenmacher, 2006). Python's own hash is salted in each
process, so nobody can choose members that share their places.
"""

BITS_EACH = 16
PLACES = 4
"""With both, a full filter takes one stranger in 400 for a member."""


class BloomFilter:
    """A set of texts for about `capacity` of them; two bytes each, rounded up to a power of two."""

    __slots__ = ("_added", "_bits", "_capacity", "_mask")

    def __init__(self, capacity: int) -> None:
        size = 1 << max(3, (capacity * BITS_EACH - 1).bit_length())
        self._bits = bytearray(size >> 3)
        self._mask = size - 1
        self._capacity = capacity
        self._added = 0

    @property
    def full(self) -> bool:
        """Whether more were added than it was made for, so that it takes more strangers."""
        return self._added > self._capacity

    def add(self, text: str) -> None:
        """Make a text a member."""
        self._added += 1
        mixed = hash(text)
        place, step = mixed, mixed >> 32 | 1
        for _ in range(PLACES):
            at = place & self._mask
            self._bits[at >> 3] |= 1 << (at & 7)
            place += step

    def __contains__(self, text: str) -> bool:
        mixed = hash(text)
        place, step = mixed, mixed >> 32 | 1
        for _ in range(PLACES):
            at = place & self._mask
            if not self._bits[at >> 3] & 1 << (at & 7):
                return False
            place += step
        return True
