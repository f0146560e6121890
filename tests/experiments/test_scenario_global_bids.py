"""What a scenario may say about bids and the transmission side, and how it hears what it may not."""

import pytest

from experiments.scenario import load_scenario
from experiments.scenario.read import ScenarioError


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("global_market.dsos.0.node=Q", "global_market.dsos[0].node: network five-bus has no node 'Q'"),
        ("global_market.dsos.1.market_zone=Süd", "global_market.dsos[1].market_zone: 'Süd' is no market zone"),
        ("global_market.transmission.network=five-buses", "unknown network 'five-buses'; did you mean 'five-bus'"),
        (
            "global_market.bids.opens=16:30 the day before",
            "global_market.bids.opens: 16:30 the day before must be before",
        ),
        ("global_market.bids.coordination=comon", "did you mean 'common'"),
        ("global_market.bids.limits=pro-rata", "did you mean 'pro-rata-components'"),
        ("global_market.transmission.company=bsp-alfa", "more than one party is called 'bsp-alfa'"),
    ],
)
def test_what_cannot_be_is_named_with_the_way_out(change: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_scenario("traffic-light-day", [change])
    assert said in str(error.value)


def test_a_session_may_be_cleared_by_another_scheme() -> None:
    scenario = load_scenario("traffic-light-day", ["global_market.bids.coordination=common"])
    assert scenario.global_market is not None
    assert scenario.global_market.bids.coordination == "common"
