//! The black-box suites.
