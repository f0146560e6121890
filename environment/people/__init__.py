"""People: households, their habits, load, trips, hot water, devices and tariffs. All of it synthetic."""
