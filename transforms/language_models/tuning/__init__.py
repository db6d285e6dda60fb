"""Teaching a language model by examples of questions with the answers that are wanted."""
