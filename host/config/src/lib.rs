//! Finds the workspace and reads what people wrote about their tasks.
