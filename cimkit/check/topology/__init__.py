"""How records lie to each other (L4): overlaps, gaps, containment, networks."""
