//! Writes and opens blobs: files named by the SHA-256 of their bytes.
//!
//! A blob is durable before anyone can name it. Knows nothing about what is inside, except that it
//! is one zstd frame.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use vt_base::Digest;
use zstd::stream::{read::Decoder, write::Encoder};

use crate::failpoint::{Point, reach};
use crate::store::{Store, make_directory, open_if_there};
use crate::{Damage, StoreError};

/// The level of compression: disks are slower than this one.
const LEVEL: i32 = 1;
/// Threads that compress beside the one that reads. Any number of them gives the same bytes.
const WORKERS: u32 = 2;
/// The largest window a frame may ask for, as a power of two: what a reader spends on it.
const WINDOW: u32 = 27;

/// A blob that is being written.
pub(crate) struct BlobWriter<'s> {
    store: &'s Store,
    encoder: Encoder<'static, Sink>,
}

/// The file below the compression.
struct Sink {
    file: NamedTempFile,
    hasher: Sha256,
    written: u64,
}

impl Store {
    /// Keeps some bytes as a blob of their own.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk refuses.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let mut writer = BlobWriter::begin(self)?;
        writer
            .write_all(bytes)
            .map_err(|error| writer.failed(error))?;
        Ok(writer.finish()?.0)
    }

    /// Gives bytes back that [`Store::put_bytes`] kept, unless they are more than `limit`.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`], or [`StoreError::Io`].
    pub fn get_bytes(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut reader = BlobReader::open(self, digest)?;
        let mut bytes = Vec::new();
        (&mut reader.decoder)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| reader.failed(error))?;
        if bytes.len() as u64 > limit {
            return Err(reader.damaged(Damage::TooLarge));
        }
        reader.finish()?;
        Ok(bytes)
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.path("blobs").join(&hex[..2]).join(&hex)
    }
}

impl<'s> BlobWriter<'s> {
    pub(crate) fn begin(store: &'s Store) -> Result<Self, StoreError> {
        let staging = store.path("staging");
        make_directory(&staging)?;
        let failed = |error| StoreError::io("create a file in", &staging, error);
        reach(Point::Disk).map_err(failed)?;
        let file = tempfile::Builder::new()
            .prefix("blob-")
            .tempfile_in(&staging)
            .map_err(failed)?;
        let sink = Sink {
            file,
            hasher: Sha256::new(),
            written: 0,
        };
        let mut encoder = Encoder::new(sink, LEVEL).map_err(failed)?;
        encoder.multithread(WORKERS).map_err(failed)?;
        Ok(Self { store, encoder })
    }

    /// What a failed write to this blob is reported as.
    pub(crate) fn failed(&self, error: io::Error) -> StoreError {
        StoreError::io("write", self.encoder.get_ref().file.path(), error)
    }

    /// Ends the blob and gives it its name: the digest, and the length of the file in bytes.
    pub(crate) fn finish(self) -> Result<(Digest, u64), StoreError> {
        let staged = self.encoder.get_ref().file.path().to_owned();
        let failed = |error| StoreError::io("write", &staged, error);
        let Sink {
            file,
            hasher,
            written,
        } = self.encoder.finish().map_err(failed)?;
        reach(Point::Disk).map_err(failed)?;
        file.as_file().sync_data().map_err(failed)?;
        reach(Point::BlobBeforeName).map_err(failed)?;
        let digest = Digest(hasher.finalize().into());
        let path = self.store.blob_path(&digest);
        if let Some(parent) = path.parent() {
            make_directory(parent)?;
        }
        // Over one that is there already: that puts right a damaged one, and makes it too young
        // for a sweep that is going on.
        reach(Point::Disk).map_err(|error| StoreError::io("create", &path, error))?;
        file.persist(&path)
            .map_err(|refused| StoreError::io("create", &path, refused.error))?;
        reach(Point::AfterBlob).map_err(|error| StoreError::io("write", &path, error))?;
        Ok((digest, written))
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        reach(Point::Disk)?;
        let length = self.file.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A blob that is being read. What it yields is to be trusted only after [`BlobReader::finish`].
pub(crate) struct BlobReader {
    digest: Digest,
    path: PathBuf,
    decoder: Decoder<'static, BufReader<Source>>,
}

/// The file below the decompression.
struct Source {
    file: File,
    hasher: Sha256,
    /// What the file system said, to tell a bad disk from a bad frame.
    failure: Option<io::Error>,
}

impl BlobReader {
    pub(crate) fn open(store: &Store, digest: &Digest) -> Result<Self, StoreError> {
        let path = store.blob_path(digest);
        let file = open_if_there(&path)?.ok_or(StoreError::MissingBlob { digest: *digest })?;
        let source = Source {
            file,
            hasher: Sha256::new(),
            failure: None,
        };
        let failed = |error| StoreError::io("read", &path, error);
        let buffered = BufReader::with_capacity(128 << 10, source);
        let mut decoder = Decoder::with_buffer(buffered)
            .map_err(failed)?
            .single_frame();
        decoder.window_log_max(WINDOW).map_err(failed)?;
        Ok(Self {
            digest: *digest,
            path,
            decoder,
        })
    }

    /// Reads exactly as much as fits.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), StoreError> {
        self.decoder
            .read_exact(buffer)
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn damaged(&self, why: Damage) -> StoreError {
        StoreError::DamagedBlob {
            digest: self.digest,
            why,
        }
    }

    /// Checks that the content ends here, that nothing follows it, and that all of it is what the
    /// name says.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        match self.decoder.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(self.damaged(Damage::Trailing)),
            Err(error) => return Err(self.failed(error)),
        }
        let (digest, path) = (self.digest, self.path);
        let damaged = |why| StoreError::DamagedBlob { digest, why };
        let mut buffered = self.decoder.finish();
        match buffered.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(damaged(Damage::Trailing)),
            Err(error) => return Err(StoreError::io("read", path, error)),
        }
        let found = Digest(buffered.into_inner().hasher.finalize().into());
        if found == digest {
            Ok(())
        } else {
            Err(damaged(Damage::Name))
        }
    }

    fn failed(&mut self, error: io::Error) -> StoreError {
        if let Some(failure) = self.decoder.get_mut().get_mut().failure.take() {
            return StoreError::io("read", &self.path, failure);
        }
        self.damaged(match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::Truncated,
            _ => Damage::Compression,
        })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match reach(Point::Disk).and_then(|()| self.file.read(buffer)) {
            Ok(length) => {
                self.hasher.update(&buffer[..length]);
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
        }
    }
}

/// Removes a file that may be gone already.
pub(crate) fn remove_if_there(path: &std::path::Path) -> Result<(), StoreError> {
    match reach(Point::Disk).and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use vt_base::AbsPath;

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(&AbsPath::new(outer.path()).unwrap()).unwrap();
        (outer, store)
    }

    #[test]
    fn bytes_come_back_and_equal_bytes_are_one_blob() {
        let (_outer, store) = store();
        let bytes: Vec<u8> = (0..3_000_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        let digest = store.put_bytes(&bytes).unwrap();
        assert_eq!(store.put_bytes(&bytes).unwrap(), digest);
        assert_eq!(store.get_bytes(&digest, u64::MAX).unwrap(), bytes);
        assert_eq!(store.get_bytes(&digest, bytes.len() as u64).unwrap(), bytes);
        let file = fs::read(store.blob_path(&digest)).unwrap();
        assert_eq!(Digest::of(&file), digest);
        let empty = store.put_bytes(b"").unwrap();
        assert_eq!(store.get_bytes(&empty, 0).unwrap(), b"");
        assert_eq!(fs::read_dir(store.path("staging")).unwrap().count(), 0);
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let (_outer, store) = store();
        let digest = store.put_bytes(&[0; 10_000]).unwrap();
        let refused = store.get_bytes(&digest, 9_999).unwrap_err();
        assert!(matches!(
            refused,
            StoreError::DamagedBlob {
                why: Damage::TooLarge,
                ..
            }
        ));
    }

    #[test]
    fn every_damaged_or_missing_blob_is_noticed() {
        let (_outer, store) = store();
        let digest = store
            .put_bytes(b"some bytes that are long enough to matter")
            .unwrap();
        let path = store.blob_path(&digest);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = store.get_bytes(&digest, 1 << 20).unwrap_err();
            assert!(
                matches!(error, StoreError::DamagedBlob { .. }),
                "{length}: {error}"
            );
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let error = store.get_bytes(&digest, 1 << 20).unwrap_err();
            assert!(
                matches!(error, StoreError::DamagedBlob { .. }),
                "{at}: {error}"
            );
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        let error = store.get_bytes(&digest, 1 << 20).unwrap_err();
        assert!(matches!(
            error,
            StoreError::DamagedBlob {
                why: Damage::Trailing,
                ..
            }
        ));
        fs::remove_file(&path).unwrap();
        let error = store.get_bytes(&digest, 1 << 20).unwrap_err();
        assert!(matches!(error, StoreError::MissingBlob { .. }));
    }
}
