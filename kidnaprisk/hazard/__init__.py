"""How dangerous a place is at an instant: models of λ, and what they are made of."""
