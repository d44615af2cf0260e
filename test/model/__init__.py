"""Small models written from the standard's tables alone, to compare the programs with."""
