"""What a venue accepts: haircuts with the position, pegs, two prices of one token, promises."""
