//! The Node client that the runner materialises.
