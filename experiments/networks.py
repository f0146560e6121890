"""What networks there are; apart from the other names of a scenario, which need no grid to be known."""


def network_names() -> list[str]:
    """Names of the networks that can be loaded without another package."""
    from environment.grid.network import available_networks

    return sorted(available_networks())
