"""Experiment on salience: tags of half of the items are hidden, and scorers of terms are compared on finding them."""
