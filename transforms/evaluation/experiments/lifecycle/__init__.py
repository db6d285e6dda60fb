"""The life of journeys: which are taken up again, and which lists of them cover what users do next."""
