"""How good names are: beside those that people gave, by the journeys that they are found with, and by themselves."""
