"""A whole venue under stress: its book, the depth it is closed into, how much it can carry."""
