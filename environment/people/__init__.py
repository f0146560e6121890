"""People: households and their habits, load, trips, hot water, devices they own and tariffs they pay. All of it synthetic."""
