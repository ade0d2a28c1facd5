"""Options in an account: legs, full revaluation, and what a venue must hedge."""
