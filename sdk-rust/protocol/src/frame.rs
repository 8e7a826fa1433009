//! Cuts a stream of bytes into frames: a little-endian `u32` length, then that many bytes.
//!
//! A length is never believed: the buffer grows with what arrived, and a length beyond the limit
//! is an error as soon as its four bytes are there.

use crate::ProtocolError;

/// The longest payload of a frame, in bytes.
pub const MAX_FRAME: usize = 1 << 20;

/// The longest payload of the first frame of a client, in bytes: nobody holds much of the
/// runner's memory before saying who they are.
pub const MAX_HELLO: usize = 256;

const HEADER: usize = 4;

/// Puts a payload into a frame.
///
/// # Errors
/// When it is longer than [`MAX_FRAME`].
pub fn frame(payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let too_long = ProtocolError::FrameTooLong {
        length: payload.len() as u64,
        limit: MAX_FRAME,
    };
    match u32::try_from(payload.len()) {
        Ok(length) if payload.len() <= MAX_FRAME => {
            let mut bytes = Vec::with_capacity(HEADER + payload.len());
            bytes.extend(length.to_le_bytes());
            bytes.extend(payload);
            Ok(bytes)
        }
        _ => Err(too_long),
    }
}

/// Collects received bytes and gives back whole payloads.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    limit: usize,
}

impl Frames {
    /// Starts a stream whose payloads are at most `limit` bytes long.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            limit,
        }
    }

    /// Changes the limit for the frames that were not given back yet.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend(bytes);
    }

    /// The next whole payload; `None` until the rest of it is pushed.
    ///
    /// # Errors
    /// When a frame announces more than the limit. The stream is of no use afterwards.
    pub fn next_payload(&mut self) -> Result<Option<Vec<u8>>, ProtocolError> {
        let pending = self.buffer.get(self.start..).unwrap_or_default();
        let Some((header, rest)) = pending.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let announced = u32::from_le_bytes(*header);
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(ProtocolError::FrameTooLong {
                length: u64::from(announced),
                limit: self.limit,
            });
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.start += HEADER + length;
        Ok(Some(payload))
    }

    /// Whether a frame has begun that is not complete.
    #[must_use]
    pub const fn is_inside_frame(&self) -> bool {
        self.start < self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(frames: &mut Frames) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| frames.next_payload().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn frames_survive_being_cut_anywhere(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            piece in 1usize..50,
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|p| frame(p).unwrap()).collect();
            let mut frames = Frames::new(MAX_FRAME);
            let mut seen = Vec::new();
            for piece in stream.chunks(piece) {
                frames.push(piece);
                seen.extend(drain(&mut frames));
            }
            prop_assert_eq!(seen, payloads);
            prop_assert!(!frames.is_inside_frame());
        }

        #[test]
        fn arbitrary_bytes_never_panic_nor_hold_more_than_arrived(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16),
        ) {
            let mut frames = Frames::new(64);
            let mut arrived = 0;
            for piece in pieces {
                arrived += piece.len();
                frames.push(&piece);
                loop {
                    match frames.next_payload() {
                        Ok(Some(payload)) => prop_assert!(payload.len() <= 64),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(frames.buffer.capacity() <= (2 * arrived).max(128));
            }
        }
    }

    #[test]
    fn lengths_at_the_limit_pass_and_beyond_it_are_refused_by_the_header_alone() {
        let mut frames = Frames::new(MAX_FRAME);
        frames.push(&frame(&vec![1; MAX_FRAME]).unwrap());
        assert_eq!(frames.next_payload().unwrap().unwrap().len(), MAX_FRAME);
        assert!(frame(&vec![1; MAX_FRAME + 1]).is_err());
        for length in [(MAX_FRAME + 1) as u32, u32::MAX] {
            let mut frames = Frames::new(MAX_FRAME);
            frames.push(&length.to_le_bytes());
            assert!(frames.next_payload().is_err());
        }
    }

    #[test]
    fn half_a_frame_is_told_from_none() {
        let mut frames = Frames::new(MAX_FRAME);
        assert!(!frames.is_inside_frame());
        frames.push(&[1]);
        assert!(frames.is_inside_frame());
        frames.push(&[0, 0, 0, 9]);
        assert_eq!(frames.next_payload().unwrap(), Some(vec![9]));
        assert!(!frames.is_inside_frame());
    }
}
