"""Market rules: pure functions on plain records; no clock, no bus, no chance, no files."""
