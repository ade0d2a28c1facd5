"""Who pays when accounts cannot: the fund and its size, the layers after it, keepers, auctions."""
