"""Interest and conformity: the part of an interaction that is due to interest, and not to popularity."""
