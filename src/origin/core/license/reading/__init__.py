"""How what people declare as a license is read: ids, names, addresses and expressions."""
