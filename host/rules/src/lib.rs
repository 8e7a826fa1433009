//! Loads rule components, asks them, validates their answers.
