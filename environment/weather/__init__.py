"""Weather of a place and what it yields: means per step, forecasts with error, available power of PV and wind plants."""
