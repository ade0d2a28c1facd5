"""What it costs to make a venue believe a wrong price, and what that brings."""
