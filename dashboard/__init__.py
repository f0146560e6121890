"""Shows the results of runs and starts runs through the command line; knows no agent, no market and no physics."""
