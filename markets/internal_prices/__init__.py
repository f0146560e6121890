"""Internal prices of energy communities: what members pay each other."""
