//! What a cooperating tool links: tells the runner what it knows, and is silent without one.
