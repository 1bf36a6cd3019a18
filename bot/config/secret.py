"""Secrets by name, held so that they show nowhere by accident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from bot.domain.errors import ConfigError


class Secrets:
    """Secrets by name. They show as lengths, and cannot be encoded, copied into JSON or pickled."""

    __slots__ = ("__forms", "__held")

    def __init__(self, held: Mapping[str, str]) -> None:
        self.__held = dict(held)
        self.__forms: tuple[tuple[str, str], ...] | None = None

    def reveal(self, name: str) -> str:
        """Give one secret to the client that signs with it, or raise ConfigError naming what to set."""
        if name not in self.__held:
            raise ConfigError(f"{name} is not set: put it in .env, or name a file in {name}_FILE")
        return self.__held[name]

    def masked(self, name: str) -> str:
        """Say whether a secret is set and how long it is.

        >>> Secrets({"ALPACA_API_KEY": "x" * 20}).masked("ALPACA_API_KEY")
        'set, 20 characters'
        """
        return f"set, {len(self.__held[name])} characters" if name in self.__held else "not set"

    def found_in(self, text: str) -> tuple[str, ...]:
        """Name the secrets whose value stands in a text."""
        return tuple(name for name, value in self.__held.items() if value in text)

    def mask(self, text: str) -> str:
        """Give a text with every secret in it, plain or encoded, replaced by its name.

        >>> Secrets({"ALPACA_API_KEY": "PKABCDEF123456"}).mask("refused: key=PKABCDEF123456")
        'refused: key=(ALPACA_API_KEY)'
        """
        if not self.__held:
            return text
        if self.__forms is None:
            from bot.config.masking import forms_of

            found = {form: name for name, value in self.__held.items() for form in forms_of(value)}
            self.__forms = tuple(sorted(found.items(), key=lambda one: -len(one[0])))
        for form, name in self.__forms:
            if form in text:
                text = text.replace(form, f"({name})")
        return text

    def names(self) -> tuple[str, ...]:
        """Name the secrets that are set."""
        return tuple(self.__held)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(f'{name}: {self.masked(name)}' for name in self.__held)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secrets) and self.__held == other.__held

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not stored")
