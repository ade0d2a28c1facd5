"""One module per venue format; `registry` finds them, and those of the user's own packages."""
