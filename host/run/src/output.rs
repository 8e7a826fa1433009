//! Terminal output: read from two pipes in order, kept, and given back in that order.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};

use crate::event::Stream;

/// A piece of output of one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) stream: Stream,
    pub(crate) bytes: Vec<u8>,
}

/// Output of more than this is shown but no longer kept.
const KEPT: usize = 64 * 1024 * 1024;

/// How often the pipes are read once the command is over: enough to empty them.
const LAST_ROUNDS: u32 = 64;

/// Reads both pipes until every writer has closed them or `done` says that nobody is left to
/// wait for, hands each piece to `show`, and gives back all of it in order; `None` when it was
/// too much to keep.
pub(crate) fn capture(
    out: OwnedFd,
    err: OwnedFd,
    done: &dyn Fn() -> bool,
    show: &mut dyn FnMut(&Frame),
) -> io::Result<Option<Vec<Frame>>> {
    let mut pipes = vec![
        (Stream::Out, File::from(out)),
        (Stream::Err, File::from(err)),
    ];
    let mut kept: Option<Vec<Frame>> = Some(Vec::new());
    let mut length = 0;
    let mut buffer = vec![0; 64 * 1024];
    let mut rounds_left = LAST_ROUNDS;
    while !pipes.is_empty() {
        // Who writes on and on after the end of the command is not waited for.
        if done() {
            if rounds_left == 0 {
                break;
            }
            rounds_left -= 1;
        }
        let mut waiting: Vec<PollFd<'_>> = pipes
            .iter()
            .map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN))
            .collect();
        // A process that outlives the command may hold the pipes: the command's end is looked
        // for every now and then.
        let timeout = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        match poll(&mut waiting, Some(&timeout)) {
            Ok(0) if done() => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = waiting
            .iter()
            .map(|pipe| !pipe.revents().is_empty())
            .collect();
        drop(waiting);
        let mut closed = Vec::new();
        for (index, (stream, pipe)) in pipes.iter_mut().enumerate() {
            if !ready[index] {
                continue;
            }
            match pipe.read(&mut buffer) {
                Ok(0) => closed.push(index),
                Ok(count) => {
                    let frame = Frame {
                        stream: *stream,
                        bytes: buffer[..count].to_vec(),
                    };
                    show(&frame);
                    length += count;
                    keep(&mut kept, frame, length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        for index in closed.into_iter().rev() {
            pipes.remove(index);
        }
    }
    Ok(kept)
}

fn keep(kept: &mut Option<Vec<Frame>>, frame: Frame, length: usize) {
    if length > KEPT {
        *kept = None;
        return;
    }
    let Some(frames) = kept else { return };
    match frames.last_mut() {
        Some(last) if last.stream == frame.stream => last.bytes.extend(frame.bytes),
        _ => frames.push(frame),
    }
}

/// Writes frames as they are stored: a stream byte, the length as 32 bits little-endian, bytes.
pub(crate) fn encode(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        for chunk in frame.bytes.chunks(u32::MAX as usize) {
            bytes.push(match frame.stream {
                Stream::Out => 1,
                Stream::Err => 2,
            });
            let length = u32::try_from(chunk.len()).expect("chunks fit 32 bits");
            bytes.extend(length.to_le_bytes());
            bytes.extend(chunk);
        }
    }
    bytes
}

/// Reads what [`encode`] wrote; `None` for anything else.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    while let Some((stream, rest)) = bytes.split_first() {
        let stream = match stream {
            1 => Stream::Out,
            2 => Stream::Err,
            _ => return None,
        };
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        frames.push(Frame {
            stream,
            bytes: body.to_vec(),
        });
        bytes = rest;
    }
    Some(frames)
}

/// A pipe whose two ends are not inherited by accident.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_storing() {
        let frames = vec![
            Frame {
                stream: Stream::Out,
                bytes: b"a\xff".to_vec(),
            },
            Frame {
                stream: Stream::Err,
                bytes: b"b".to_vec(),
            },
        ];
        assert_eq!(decode(&encode(&frames)), Some(frames));
        assert_eq!(decode(b"\x03\0\0\0\0"), None);
        assert_eq!(decode(b"\x01\xff\0\0\0"), None);
        assert_eq!(decode(b"\x01\0"), None);
    }

    #[test]
    fn the_order_between_the_streams_is_kept() {
        let (out, out_writer) = pipe().unwrap();
        let (err, err_writer) = pipe().unwrap();
        let writer = std::thread::spawn(move || {
            let mut out = File::from(out_writer);
            let mut err = File::from(err_writer);
            for _ in 0..3 {
                io::Write::write_all(&mut out, b"o").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5));
                io::Write::write_all(&mut err, b"e").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let frames = capture(out, err, &|| false, &mut |_| {}).unwrap().unwrap();
        writer.join().unwrap();
        let streams: Vec<Stream> = frames.iter().map(|frame| frame.stream).collect();
        use Stream::{Err, Out};
        assert_eq!(streams, [Out, Err, Out, Err, Out, Err]);
    }
}
