"""What an operator keeps of its look ahead, by which its quality is judged later."""

import numpy as np

from agents.dso_horizon import Outlook
from agents.dso_outlook import LookAhead
from environment.party import Party


def keep_forecast(party: Party, look_ahead: LookAhead, outlook: Outlook) -> None:
    """Keep the forecast of every distribution transformer, and what was metered before (the references of its quality).

    Those that feed medium voltage carry wind, for which nobody here has a forecast; their figures would say nothing.
    """
    network, timeline = look_ahead.model.network, look_ahead.timeline
    t_ms = timeline.starts_ms[outlook.first : outlook.first + len(outlook.p_kw)]
    transformers = look_ahead.model.distribution_transformers
    past_first, past_kw = look_ahead.past_flow_kw(8 * round(24.0 / timeline.hours), transformers)
    solved, expected_kw = outlook.expected.converged, outlook.expected.p_from_kw_of(transformers)
    for branch, ahead, past in zip(transformers, expected_kw.T, past_kw.T, strict=True):
        name = network.branches.names[branch]
        party.register("forecasts").add(
            made_ms=party.now_ms, t_ms=t_ms[solved], party=party.name, subject=name,
            value_kw=ahead[solved], horizon_h=(t_ms[solved] - party.now_ms) / 3_600_000.0,
        )  # fmt: skip
        known = ~np.isnan(past)
        party.register("actuals").add(
            t_ms=timeline.starts_ms[past_first : past_first + len(past)][known], subject=name, value_kw=past[known],
        )  # fmt: skip
