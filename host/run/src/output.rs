//! Terminal output: read from pipes in order, kept, and given back in that order.
//!
//! What is kept is kept in memory, and so there is an end to it: a run that says more than
//! [`KEPT`] is shown to the last byte, and not stored.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};

use crate::event::Stream;
use crate::world::TerminalSize;

/// A piece of output of one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) stream: Stream,
    pub(crate) bytes: Vec<u8>,
}

/// Output of more than this, in bytes, is shown but no longer kept.
pub(crate) const KEPT: usize = 16 * 1024 * 1024;

/// How often the pipes are read once the command is over: enough to empty them.
const LAST_ROUNDS: u32 = 64;

/// The output of a run so far, in order, as long as it is not too much.
pub(crate) struct Kept {
    frames: Option<Vec<Frame>>,
    length: usize,
}

impl Kept {
    /// Nothing so far.
    pub(crate) const fn new() -> Self {
        Self {
            frames: Some(Vec::new()),
            length: 0,
        }
    }

    /// Adds a piece.
    pub(crate) fn add(&mut self, stream: Stream, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        if self.length > KEPT {
            self.frames = None;
        }
        let Some(frames) = &mut self.frames else {
            return;
        };
        match frames.last_mut() {
            Some(last) if last.stream == stream => last.bytes.extend_from_slice(bytes),
            _ => frames.push(Frame {
                stream,
                bytes: bytes.to_vec(),
            }),
        }
    }

    /// All of it; none if it was too much to keep.
    pub(crate) fn into_frames(self) -> Option<Vec<Frame>> {
        self.frames
    }
}

/// Reads pipes until every writer has closed them or `done` says that nobody is left to wait for,
/// and hands each piece to `take`, in order.
pub(crate) fn capture(
    pipes: Vec<(Stream, OwnedFd)>,
    done: &dyn Fn() -> bool,
    take: &mut dyn FnMut(Stream, &[u8]),
) -> io::Result<()> {
    let mut pipes: Vec<(Stream, File)> = pipes
        .into_iter()
        .map(|(stream, pipe)| (stream, File::from(pipe)))
        .collect();
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
                Ok(count) => take(*stream, &buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // How a terminal says that everybody has closed its other side.
                Err(error) if is_terminal_end(&error) => closed.push(index),
                Err(error) => return Err(error),
            }
        }
        for index in closed.into_iter().rev() {
            pipes.remove(index);
        }
    }
    Ok(())
}

fn is_terminal_end(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
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

/// A terminal of a size: the side that is read, and the side that a command writes to. It is not
/// the terminal of a session, so nothing that is typed anywhere becomes a signal through it.
pub(crate) fn terminal(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let reader = openpt(flags)?;
    grantpt(&reader)?;
    unlockpt(&reader)?;
    let writer = ioctl_tiocgptpeer(&reader, flags)?;
    let mut modes = rustix::termios::tcgetattr(&writer)?;
    // Lines come through as they are written; the terminal they end up on adds what it needs.
    modes
        .output_modes
        .remove(rustix::termios::OutputModes::OPOST);
    rustix::termios::tcsetattr(&writer, rustix::termios::OptionalActions::Now, &modes)?;
    let size = rustix::termios::Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&writer, size)?;
    Ok((reader, writer))
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
    fn what_is_too_much_is_not_kept_and_takes_no_room() {
        let mut kept = Kept::new();
        let piece = vec![b'x'; KEPT / 2];
        kept.add(Stream::Out, &piece);
        kept.add(Stream::Err, &piece);
        assert!(kept.frames.is_some());
        kept.add(Stream::Out, b"x");
        assert!(kept.frames.is_none());
        kept.add(Stream::Out, b"x");
        assert!(kept.into_frames().is_none());
    }

    #[test]
    fn a_terminal_shows_what_is_written_as_it_is_and_ends() {
        let size = TerminalSize {
            columns: 70,
            rows: 20,
        };
        let (reader, writer) = terminal(size).unwrap();
        let writer = File::from(writer);
        assert_eq!(rustix::termios::tcgetwinsize(&writer).unwrap().ws_col, 70);
        io::Write::write_all(&mut &writer, b"a\nb").unwrap();
        drop(writer);
        let mut seen = Vec::new();
        capture(vec![(Stream::Out, reader)], &|| false, &mut |_, bytes| {
            seen.extend_from_slice(bytes);
        })
        .unwrap();
        assert_eq!(seen, b"a\nb");
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
        let mut kept = Kept::new();
        let pipes = vec![(Stream::Out, out), (Stream::Err, err)];
        capture(pipes, &|| false, &mut |stream, bytes| {
            kept.add(stream, bytes);
        })
        .unwrap();
        writer.join().unwrap();
        let frames = kept.into_frames().unwrap();
        let streams: Vec<Stream> = frames.iter().map(|frame| frame.stream).collect();
        use Stream::{Err, Out};
        assert_eq!(streams, [Out, Err, Out, Err, Out, Err]);
    }
}
