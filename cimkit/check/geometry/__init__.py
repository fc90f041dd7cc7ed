"""One record's geometry (L4): kinds, validity, form and size."""
