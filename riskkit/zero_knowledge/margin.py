"""The statement: this committed book is covered in every public scenario, and no size is too big.

For every scenario k, ``collateral + sum of gain[k][i] * size[i]`` lies in [0, 2^slack_bits), and
every size in [-2^(size_bits - 1), 2^(size_bits - 1)). Sizes being bounded, no sum can wrap around
the order of the group. Since the scenarios surround today's prices (some mean of them is no move at
all), collateral that covers them all is itself not negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes
from riskkit.zero_knowledge.commitments import SecretBook
from riskkit.zero_knowledge.curve import Points
from riskkit.zero_knowledge.ranges import Claims, RangeProof, prove_ranges, verify_ranges
from riskkit.zero_knowledge.scenario_set import PublicScenarios
from riskkit.zero_knowledge.transcript import Transcript

DOMAIN = b"riskkit scenario margin 1"
LONGEST_CONTEXT = 400


@dataclass(frozen=True)
class Occasion:
    """What a proof is good for: it says nothing on another day or to another asker.

    Attributes
    ----------
    scenarios_sha256, parameters_sha256 : str
        Digests of the scenario set, and of the parameter file that names it.
    day : date
    context : str
        Whatever the asker wants it bound to: a name, an account, a number never used before.
    """

    scenarios_sha256: str
    parameters_sha256: str
    day: date
    context: str

    def message(self) -> bytes:
        """The occasion as canonical JSON."""
        return canonical_bytes(
            {
                "context": self.context,
                "day": self.day.isoformat(),
                "parameters_sha256": self.parameters_sha256,
                "scenarios_sha256": self.scenarios_sha256,
            }
        )


def margin_claims(scenarios: PublicScenarios) -> Claims:
    """What a proof under a scenario set claims, of the sizes and then the collateral."""
    count, half = len(scenarios.instruments), 1 << (scenarios.size_bits - 1)
    covered = [(*row, 1) for row in scenarios.gains]
    bounded = [tuple(int(i == j) for j in range(count + 1)) for i in range(count)]
    return Claims(
        rows=(*covered, *bounded),
        constants=(0,) * len(covered) + (half,) * count,
        bits=(scenarios.slack_bits,) * len(covered) + (scenarios.size_bits,) * count,
    )


def check_sizes(scenarios: PublicScenarios, opening: SecretBook) -> None:
    """Refuse sizes beyond the bound of the set, and negative collateral; no size is shown.

    Raises
    ------
    InputError
    """
    half = 1 << (scenarios.size_bits - 1)
    for name, value in zip(scenarios.names, opening.values, strict=True):
        if name == scenarios.names[-1]:
            if value < 0:
                raise InputError(name, "(not shown)", "must not be negative", "Check the file")
        elif not -half <= value < half:
            rule = f"must be of at least -{half:,} and less than {half:,} lots"
            raise InputError(
                f"size of {name}", "(not shown)", rule, "Make scenarios with more --size-bits"
            )


def prove_margin(scenarios: PublicScenarios, opening: SecretBook, occasion: Occasion) -> bytes:
    """Prove that a committed book is covered in every scenario.

    Parameters
    ----------
    scenarios : PublicScenarios
    opening : SecretBook
        Sizes in the set's order, then the collateral, with their blinding factors.
    occasion : Occasion

    Returns
    -------
    bytes
        The proof; the commitments are not in it.

    Raises
    ------
    InputError
        If the book is not covered, or a size is beyond its bound: nothing of it is shown.
    """
    check_occasion(scenarios, occasion)
    check_sizes(scenarios, opening)
    claims = margin_claims(scenarios)
    claims.check()
    slack = claims.applied(opening.values, constants=True)[: len(scenarios.scenarios)]
    if min(slack) < 0:
        rule = "must cover the loss in every scenario, and does not"
        raise InputError(
            "collateral",
            "(not shown)",
            rule,
            f"Add collateral (in 1/{scenarios.units_per_quote:,} of the quote currency) or reduce "
            "the book; nothing was proved",
        )
    if max(slack) >> scenarios.slack_bits:
        rule = f"must exceed no loss by 2^{scenarios.slack_bits} units or more"
        raise InputError("collateral", "(not shown)", rule, "Make scenarios with more --slack-bits")
    transcript = margin_transcript(occasion, opening.commitments())
    return prove_ranges(transcript, claims, opening.values, opening.blindings).to_bytes()


def verify_margin(
    scenarios: PublicScenarios, commitments: Points, occasion: Occasion, proof: bytes
) -> bool:
    """Whether a proof holds of these commitments on this occasion.

    Raises
    ------
    InputError
        If the proof has not the length of one under this scenario set, or the counts differ.
    """
    check_occasion(scenarios, occasion)
    if len(commitments) != len(scenarios.names):
        rule = f"must hold {len(scenarios.names)} commitments, as the scenario set has rows"
        raise InputError("commitments", len(commitments), rule, "Use the files of one set")
    claims = margin_claims(scenarios)
    claims.check()
    read = RangeProof.from_bytes(proof, claims)
    if read is None:
        return False
    return verify_ranges(margin_transcript(occasion, commitments), claims, commitments, read)


def margin_transcript(occasion: Occasion, commitments: Points) -> Transcript:
    """What every challenge of a proof depends on, beside the proof itself.

    The scenario set is in it by its digest, which covers gains and bounds.
    """
    transcript = Transcript(DOMAIN)
    transcript.absorb(b"occasion", occasion.message())
    transcript.absorb(b"commitments", b"".join(commitments.encode()))
    return transcript


def check_occasion(scenarios: PublicScenarios, occasion: Occasion) -> None:
    """Refuse an occasion of another scenario set, and a context that is none.

    Raises
    ------
    InputError
    """
    scenarios.check_digest(scenarios.title)
    if scenarios.digest_sha256 != occasion.scenarios_sha256:
        rule = f"must be the scenario set {occasion.scenarios_sha256}"
        raise InputError("scenarios", scenarios.digest_sha256, rule, "Use the set that is meant")
    check_context(occasion.context)


def check_context(context: str) -> None:
    """Refuse a context that says nothing, or that a terminal could not show.

    Raises
    ------
    InputError
    """
    if not 1 <= len(context) <= LONGEST_CONTEXT or not context.isprintable():
        rule = f"must be 1 to {LONGEST_CONTEXT} printable characters"
        raise InputError("context", context, rule, "Say who asks, and for what")
