//! Turns a project and a request into an ordered plan of invocations.
