"""What records say of each other (L3): codes, keys, references, hierarchies, validity in time."""
