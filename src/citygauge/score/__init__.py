"""Arrays in, arrays out: treat, normalise, weight, aggregate, rank, grade."""
