"""Joint paths of the price: bits, draws, the recursion run forward, and who reads them."""
