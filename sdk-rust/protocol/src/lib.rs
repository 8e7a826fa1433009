//! The messages a tool and the runner exchange.
