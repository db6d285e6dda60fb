"""Interest and conformity: how much of an interaction is interest, and how much is what many do anyway."""
