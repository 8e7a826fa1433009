//! Hashes what was observed, compares then with now, says why.
