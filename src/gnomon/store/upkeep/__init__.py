"""Looking after a store while others use it: order, history, space, damage and former formats."""
