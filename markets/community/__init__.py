"""What members of a community share beyond energy: the cheapest exchange, who gets what of the benefit, and the bill."""
