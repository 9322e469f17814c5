"""One page in HTML for whoever answers for the money: no script, nothing from the network, plots with their numbers."""
