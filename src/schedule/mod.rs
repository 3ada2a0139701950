//! Pure: which waiting job goes to which idle board, and how far a running one is. No input or output.
