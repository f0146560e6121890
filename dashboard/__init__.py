"""Shows the results of runs and starts runs through the command line."""
