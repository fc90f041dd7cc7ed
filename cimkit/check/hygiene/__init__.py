"""What is wrong with files and cells before any schema is asked (L0, L1): encodings, names, blanks, CRSs."""
