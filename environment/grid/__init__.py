"""The distribution grid: networks, power flow, sensitivities, limits, areas, the operator's own means, measurements."""
