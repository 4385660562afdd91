"""How sure a ranking is: replications of a whole assessment, counted, and what they depend on."""
