"""What the fleet tests stand on: the harness, the fleet, the product under test, and the search for secrets."""
