"""Studies: questions that many runs answer, each with one page that a reader without coflex can use."""
