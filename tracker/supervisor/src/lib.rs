//! The seccomp filter, its installation in the child, and the thread that answers it.
