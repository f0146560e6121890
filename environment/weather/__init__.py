"""Weather of a place and what it yields: means per step, forecasts with error, power of PV and wind plants."""
