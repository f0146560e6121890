"""From a scenario to its world: the site (people, weather, networks, devices), the parties and their channels."""
