"""One family of errors: every message names the argument, the value, the rule and the remedy."""

from __future__ import annotations

from collections.abc import Sequence


class RiskkitError(Exception):
    """Base of every error riskkit raises on purpose."""


class InputError(RiskkitError, ValueError):
    """An input broke a rule.

    Parameters
    ----------
    argument : str
        The argument, key or column as the user knows it, e.g. ``"targets.probability"``.
    value : object
        What was received; long values are shortened in the message.
    rule : str
        The rule it broke, as a clause: ``"must lie strictly between 0 and 1"``.
    remedy : str
        What to do about it, as a sentence without its full stop.

    Examples
    --------
    >>> import riskkit
    >>> try:
    ...     riskkit.load_sample("no such")
    ... except riskkit.InputError as error:
    ...     print(error.argument, "|", error.value)
    sample | no such
    """

    def __init__(self, argument: str, value: object, rule: str, remedy: str) -> None:
        self.argument, self.value, self.rule, self.remedy = argument, value, rule, remedy
        super().__init__(
            f"{_shorten(argument)}: got {_shorten(value)}; {_shorten(rule, 800)}. "
            f"{_shorten(remedy, 800)}."
        )

    def __reduce__(self) -> tuple[object, ...]:  # keyword-only state survives a worker process
        return (type(self), (self.argument, self.value, self.rule, self.remedy))


class DataError(InputError):
    """Price data broke a rule; ``rows`` names the offending rows (stamps or line numbers)."""

    def __init__(
        self,
        argument: str,
        value: object,
        rule: str,
        remedy: str,
        rows: Sequence[object] = (),
    ) -> None:
        self.rows = tuple(rows)
        super().__init__(argument, value, rule, remedy)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.argument, self.value, self.rule, self.remedy, self.rows))


def visible(text: str) -> str:
    """The text with its control characters spelt out: a file's words must not steer a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _shorten(value: object, limit: int = 160) -> str:
    text = visible(value if isinstance(value, str) else repr(value))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
