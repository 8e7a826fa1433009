//! Hashing of structured values that is the same on every machine and in every release.
//!
//! Every field is framed by its length, so that two different sequences of fields never feed the
//! same bytes. `std::hash` and `Debug` output are never used for anything that is stored.

use sha2::{Digest as _, Sha256};

use crate::Digest;

/// Feeds framed fields into SHA-256 under a domain.
pub struct StableHasher(Sha256);

impl StableHasher {
    /// Starts a hash; two domains never collide.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.bytes(domain.as_bytes());
        hasher
    }

    /// Adds one field of bytes.
    pub fn bytes(&mut self, field: &[u8]) -> &mut Self {
        self.0.update((field.len() as u64).to_le_bytes());
        self.0.update(field);
        self
    }

    /// Adds one text field.
    pub fn text(&mut self, field: &str) -> &mut Self {
        self.bytes(field.as_bytes())
    }

    /// Adds one number; also used for tags of variants and for counts in front of lists.
    pub fn number(&mut self, field: u64) -> &mut Self {
        self.0.update(field.to_le_bytes());
        self
    }

    /// Adds a list of texts, framed by its count.
    pub fn texts<'a>(&mut self, fields: impl ExactSizeIterator<Item = &'a str>) -> &mut Self {
        self.number(fields.len() as u64);
        for field in fields {
            self.text(field);
        }
        self
    }

    /// Adds a digest.
    pub fn digest(&mut self, field: &Digest) -> &mut Self {
        self.0.update(field.0);
        self
    }

    /// Ends the hash.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_framed() {
        let hash = |fields: &[&str]| {
            let mut hasher = StableHasher::new("test");
            hasher.texts(fields.iter().copied());
            hasher.finish()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a"]), hash(&["a", ""]));
        assert_ne!(
            StableHasher::new("a").finish(),
            StableHasher::new("b").finish()
        );
    }
}
