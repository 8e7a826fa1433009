//! What a rule author links: bindings, export macro, native test session.
