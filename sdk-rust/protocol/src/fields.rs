//! The inside of a payload: `u16` kind, `u32` request, then fields of a `u32` length and bytes,
//! everything little-endian.

use crate::ProtocolError;

/// Builds a payload.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(kind: u16, request: u32) -> Self {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(request.to_le_bytes());
        Self(bytes)
    }

    /// Adds a field. One too long for its length cannot fit a frame either, so that the frame
    /// refuses it.
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend(length.to_le_bytes());
        self.0.extend(bytes);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a payload apart.
pub(crate) struct Reader<'a> {
    pub(crate) kind: u16,
    pub(crate) request: u32,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Result<Self, ProtocolError> {
        let head = |what| ProtocolError::Malformed { kind: 0, what };
        let (kind, rest) = payload
            .split_first_chunk::<2>()
            .ok_or(head("it ends inside its kind"))?;
        let kind = u16::from_le_bytes(*kind);
        let (request, rest) = rest
            .split_first_chunk::<4>()
            .ok_or(head("it ends inside its request number"))?;
        Ok(Self {
            kind,
            request: u32::from_le_bytes(*request),
            rest,
        })
    }

    pub(crate) const fn malformed(&self, what: &'static str) -> ProtocolError {
        ProtocolError::Malformed {
            kind: self.kind,
            what,
        }
    }

    pub(crate) const fn has_more(&self) -> bool {
        !self.rest.is_empty()
    }

    pub(crate) fn field(&mut self) -> Result<&'a [u8], ProtocolError> {
        let (length, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or(self.malformed("a field is missing"))?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (field, rest) = rest
            .split_at_checked(length)
            .ok_or(self.malformed("a field is longer than the message"))?;
        self.rest = rest;
        Ok(field)
    }

    /// A field of at most `limit` bytes.
    pub(crate) fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, ProtocolError> {
        let field = self.field()?;
        if field.len() > limit {
            return Err(self.malformed("a field is longer than its limit"));
        }
        Ok(field.to_vec())
    }

    /// A field of at most `limit` bytes of UTF-8.
    pub(crate) fn text(&mut self, limit: usize) -> Result<String, ProtocolError> {
        String::from_utf8(self.bytes(limit)?).map_err(|_| self.malformed("a text is not UTF-8"))
    }

    /// A field of exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let field = self.field()?;
        <[u8; N]>::try_from(field).map_err(|_| self.malformed("a field has the wrong size"))
    }

    pub(crate) fn end(&self) -> Result<(), ProtocolError> {
        if self.has_more() {
            return Err(self.malformed("bytes follow its last field"));
        }
        Ok(())
    }
}
