"""Pay-as-bid: each accepted bid is paid its own price.

Source: the usual rule of local flexibility markets, for example of the continuous market NODES.
"""

import numpy as np

from data.arrays import F64
from markets.bids import Sensitivities
from markets.clearing.outcome import Clearing


def prices(clearing: Clearing, network: Sensitivities | None = None) -> F64:
    """Price of each bid [EUR/kWh], shape (bids,); 0 where nothing was accepted. The network plays no part."""
    del network
    return np.where(clearing.accepted_kw > 0.0, clearing.bids.price_eur_per_kwh, 0.0)
