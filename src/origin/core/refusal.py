"""The exception with which the encoder gives up on a value, before it is shown to a user."""

from __future__ import annotations

from origin.errors import FingerprintError

__all__ = ["Refusal"]


class Refusal(Exception):
    """A value inside a sample cannot be encoded.

    It travels up through the containers, each of which adds its step of the path, so that a
    path costs nothing while all goes well.

    Args:
        value: the value that was refused; only its type is kept.
        advice: what is wrong and what to do.
    """

    def __init__(self, value: object, advice: str) -> None:
        super().__init__(advice)
        kind = type(value)
        self.type_name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        self.advice = advice
        self.steps: list[str] = []

    def error(self) -> FingerprintError:
        """Build the error for the user, with the type's name and the path inside the sample.

        Returns:
            The error, not yet raised.

        >>> refusal = Refusal({1}, "sort it into a list")
        >>> refusal.steps += ["[3]", '["a"]']
        >>> print(refusal.error())
        cannot fingerprint a value of type 'set' at sample["a"][3]: sort it into a list
        """
        path = "sample" + "".join(reversed(self.steps))
        return FingerprintError(
            f"cannot fingerprint a value of type '{self.type_name}' at {path}: {self.advice}"
        )
