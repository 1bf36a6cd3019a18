"""The base of every immutable value the house passes around."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable value, compared by content.

    Subclasses repeat `frozen=True, kw_only=True`: msgspec inherits neither for type checkers nor for new fields.
    """


class WideFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A fact with room for cached views of itself (`functools.cached_property`).

    The cache lives beside the fields, is never encoded and never compared.
    """
