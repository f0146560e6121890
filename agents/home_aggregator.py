"""Aggregator of households (SUC13.1): recruits and equips them, runs their devices, keeps their power down, sells their flexibility."""

from collections.abc import Iterable

from agents.home_trading import HomeTrading
from environment.party import Process


class HomeAggregator(HomeTrading):
    """The whole of it; what it does stands in its parts, in the order in which a household meets them."""

    def processes(self) -> Iterable[Process]:
        """Its rounds of recruiting, and its days."""
        yield from (self.recruit(said) for said in self.terms.rounds)
        yield self.serve()
        yield self.watch_local_market()
