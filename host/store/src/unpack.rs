//! Unpacks an archive into a staging directory, where nobody looks yet.
//!
//! The archive must be, byte for byte, the one that follows from the manifest. This thread
//! decompresses and compares; others digest and write. Whatever differs fails the whole. Files go
//! to them in batches, and the batches come back, so that not each file takes a wake-up and new
//! memory.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use sha2::{Digest as _, Sha256};
use vt_base::{Digest, RelPath};

use crate::archive::{END, head, padding};
use crate::blob::BlobReader;
use crate::failpoint::{Point, reach};
use crate::manifest::{Manifest, ManifestEntry, ManifestKind};
use crate::store::Store;
use crate::{Damage, StoreError};

/// Threads that digest and write.
const WORKERS: usize = 2;
/// How many batches each of them may be behind.
const BEHIND: usize = 2;
/// A batch of so many bytes is handed over,
const BATCH: usize = 256 << 10;
/// or of so many files.
const BATCH_FILES: usize = 64;
/// Files up to this length are handed to them; longer ones are written in pieces right here.
const SMALL: u64 = 1 << 20;
/// The length of such a piece.
const PIECE: usize = 256 << 10;

/// An archive of so many bytes at most is unpacked before a thread for that would have started,
const LITTLE: u64 = 256 << 10;
/// if it has no more than so many entries.
const FEW: usize = 16;

/// Files to check, and to write if they are wanted.
#[derive(Default)]
struct Batch {
    /// The contents, one after the other; what follows them is of an earlier batch.
    bytes: Vec<u8>,
    /// How many of the bytes are contents.
    used: usize,
    jobs: Vec<Job>,
}

/// A file of a batch.
struct Job {
    length: usize,
    digest: Digest,
    output: Option<Output>,
}

/// Whether a batch was taken.
#[derive(PartialEq, Eq)]
enum Handed {
    /// It is done, or will be.
    Yes,
    /// Who should have done it failed, and will say why.
    No,
}

/// Where a wanted file goes.
struct Output {
    path: PathBuf,
    mode: u16,
}

/// Checks a whole archive against its manifest, and leaves the wanted files of it in `staging`
/// under their numbers.
pub(crate) fn unpack(
    store: &Store,
    blob: &Digest,
    manifest: &Manifest,
    wanted: &HashMap<&RelPath, u32>,
    staging: &Path,
) -> Result<(), StoreError> {
    let reader = BlobReader::open(store, blob)?;
    if is_little(manifest) {
        let hand = |batch: &mut Batch| batch.work(blob).map(|()| Handed::Yes);
        return read_archive(reader, manifest, wanted, staging, hand);
    }
    std::thread::scope(|scope| {
        let (give_back, spare) = channel();
        let mut senders = Vec::with_capacity(WORKERS);
        let mut workers = Vec::with_capacity(WORKERS);
        for _ in 0..WORKERS {
            let (sender, receiver) = sync_channel(BEHIND);
            let give_back = give_back.clone();
            senders.push(sender);
            workers.push(scope.spawn(move || work(&receiver, &give_back, blob)));
        }
        let mut next = senders.iter().cycle();
        let read = read_archive(reader, manifest, wanted, staging, |batch| {
            let sender = next.next().expect("there is a worker");
            let full = std::mem::replace(batch, spare.try_recv().unwrap_or_default());
            Ok(sender.send(full).map_or(Handed::No, |()| Handed::Yes))
        });
        drop(senders);
        // What stopped a worker is why the reader could hand nothing more to it.
        for worker in workers {
            worker.join().expect("a worker does not panic")?;
        }
        read
    })
}

/// Whether there is so little in it that threads would be in the way.
fn is_little(manifest: &Manifest) -> bool {
    let sizes = manifest.entries.iter().map(|entry| match entry.kind {
        ManifestKind::File { size, .. } => size,
        ManifestKind::Directory { .. } | ManifestKind::Link { .. } | ManifestKind::Name { .. } => 0,
    });
    manifest.entries.len() <= FEW && sizes.fold(0, u64::saturating_add) <= LITTLE
}

fn read_archive(
    mut reader: BlobReader,
    manifest: &Manifest,
    wanted: &HashMap<&RelPath, u32>,
    staging: &Path,
    mut hand: impl FnMut(&mut Batch) -> Result<Handed, StoreError>,
) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for entry in &manifest.entries {
        expect(&mut reader, &head(entry))?;
        let ManifestKind::File { digest, size, mode } = entry.kind else {
            continue;
        };
        let output = wanted.get(&entry.path).map(|number| Output {
            path: staging.join(number.to_string()),
            mode,
        });
        if size > SMALL {
            pass_through(&mut reader, entry, size, &digest, output)?;
        } else {
            let length = usize::try_from(size).expect("a small size fits");
            reader.fill(batch.room(length))?;
            batch.jobs.push(Job {
                length,
                digest,
                output,
            });
            if batch.is_full() && hand(&mut batch)? == Handed::No {
                return Ok(());
            }
        }
        expect(&mut reader, padding(size))?;
    }
    if hand(&mut batch)? == Handed::No {
        return Ok(());
    }
    expect(&mut reader, &END)?;
    reader.finish()
}

fn expect(reader: &mut BlobReader, expected: &[u8]) -> Result<(), StoreError> {
    let mut found = vec![0; expected.len()];
    reader.fill(&mut found)?;
    if found == expected {
        Ok(())
    } else {
        Err(reader.damaged(Damage::Header))
    }
}

fn pass_through(
    reader: &mut BlobReader,
    entry: &ManifestEntry,
    size: u64,
    digest: &Digest,
    output: Option<Output>,
) -> Result<(), StoreError> {
    let mut file = output.as_ref().map(Output::create).transpose()?;
    let mut hasher = Sha256::new();
    let mut left = size;
    let mut buffer = vec![0; PIECE];
    while left > 0 {
        let length = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let piece = &mut buffer[..length];
        reader.fill(piece)?;
        hasher.update(&*piece);
        if let Some(file) = &mut file {
            file.write_all(piece)
                .map_err(|error| StoreError::io("write", entry.path.as_path(), error))?;
        }
        left -= length as u64;
    }
    if hasher.finalize()[..] == digest.0 {
        Ok(())
    } else {
        Err(reader.damaged(Damage::Content))
    }
}

fn work(
    batches: &Receiver<Batch>,
    give_back: &Sender<Batch>,
    blob: &Digest,
) -> Result<(), StoreError> {
    batches.iter().try_for_each(|mut batch| {
        batch.work(blob)?;
        // Nobody takes it when everything is read.
        let _ = give_back.send(batch);
        Ok(())
    })
}

impl Batch {
    /// Room for the next content.
    fn room(&mut self, length: usize) -> &mut [u8] {
        let start = self.used;
        self.used += length;
        if self.bytes.len() < self.used {
            self.bytes.resize(self.used, 0);
        }
        &mut self.bytes[start..self.used]
    }

    const fn is_full(&self) -> bool {
        self.used >= BATCH || self.jobs.len() >= BATCH_FILES
    }

    /// Does all jobs. The batch is empty then.
    fn work(&mut self, blob: &Digest) -> Result<(), StoreError> {
        let mut rest = &self.bytes[..self.used];
        for job in self.jobs.drain(..) {
            let (content, others) = rest.split_at(job.length);
            job.work(content, blob)?;
            rest = others;
        }
        self.used = 0;
        Ok(())
    }
}

impl Job {
    fn work(self, content: &[u8], blob: &Digest) -> Result<(), StoreError> {
        if Digest::of(content) != self.digest {
            return Err(StoreError::DamagedBlob {
                digest: *blob,
                why: Damage::Content,
            });
        }
        if let Some(output) = self.output {
            output
                .create()?
                .write_all(content)
                .and_then(|()| reach(Point::Unpacked))
                .map_err(|error| StoreError::io("write", output.path, error))?;
        }
        Ok(())
    }
}

impl Output {
    fn create(&self) -> Result<File, StoreError> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.path)
            // Set by itself: what a file is made with, the mask of this process narrows.
            .and_then(|file| {
                file.set_permissions(Permissions::from_mode(self.mode.into()))?;
                Ok(file)
            })
            .map_err(|error| StoreError::io("create", &self.path, error))
    }
}
