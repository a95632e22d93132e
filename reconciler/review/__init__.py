"""What is said of a plan after it is made: its saved form, its risks, its cost, its reasons."""
