"""The life of journeys: stage, recurrence, confidence, how their terms moved, and a diverse order of them."""
