//! Packs a result set into a manifest and one tar.zst blob.
//!
//! Two threads read files and digest them, this one writes them into the archive in order. Every
//! file is read once and looked at again afterwards: one that changed under the reader fails the
//! whole, as does anything that a restore would refuse.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustix::fs::{OFlags, Stat, fstat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use vt_base::{AbsPath, Digest, RelPath};

use crate::archive::{END, head, padding};
use crate::beneath::Root;
use crate::blob::BlobWriter;
use crate::guard::{check_path, portable_target};
use crate::identity::{Identity, Inode, file_type, permissions, unchanged};
use crate::manifest::{Manifest, ManifestEntry, ManifestKind};
use crate::mention::{Mention, Seeker};
use crate::store::Store;
use crate::{Refusal, StoreError};

/// Threads that read ahead.
const READERS: usize = 2;
/// How many paths each of them may be ahead.
const AHEAD: usize = 16;
/// Files up to this length are read ahead; longer ones pass through in pieces.
const SMALL: u64 = 1 << 20;
/// The length of such a piece.
const PIECE: usize = 256 << 10;

/// What [`Store::pack`] made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packed {
    /// What was packed.
    pub manifest: Manifest,
    /// The archive; `None` when there is no file, so that the manifest says everything.
    pub blob: Option<Digest>,
    /// The length of the archive in bytes.
    pub size: u64,
    /// Whether some file mentions the absolute path of the workspace root.
    pub embeds_root: bool,
}

impl Store {
    /// Packs these paths of the tree, and keeps the archive.
    ///
    /// A directory stands for itself, not for what is in it. Order and repetition do not matter.
    /// Until the index names the blob it is garbage, but no sweep takes it for ten minutes.
    ///
    /// # Errors
    /// [`StoreError::ChangedWhilePacking`] when a file is written meanwhile or is gone;
    /// [`StoreError::NotStorable`] for what no restore would make; [`StoreError::Io`].
    pub fn pack(&self, root: &AbsPath, paths: &[RelPath]) -> Result<Packed, StoreError> {
        self.pack_looking(root, paths, &Seeker::new([]))
    }

    /// What [`Store::pack`] does, looking for texts in all files, and in the targets of links.
    ///
    /// # Errors
    /// Those of [`Store::pack`].
    pub fn pack_looking(
        &self,
        root: &AbsPath,
        paths: &[RelPath],
        seeker: &Seeker,
    ) -> Result<Packed, StoreError> {
        let mut paths: Vec<&RelPath> = paths.iter().collect();
        paths.sort_unstable();
        paths.dedup();
        let opened = Root::open(root).map_err(|error| StoreError::io("open", root, error))?;
        let source = Source {
            root,
            opened,
            mention: Mention::of(root),
            seeker,
        };
        let packed = std::thread::scope(|scope| {
            let lanes: Vec<Receiver<_>> = (0..READERS.min(paths.len()))
                .map(|lane| {
                    let (sender, receiver) = sync_channel(AHEAD);
                    let (source, paths) = (&source, &paths);
                    scope.spawn(move || read_ahead(source, paths, lane, &sender));
                    receiver
                })
                .collect();
            // The receivers end with this call, and the readers with them.
            write_archive(self, &source, &paths, lanes)
        })?;
        packed.manifest.check().map_err(|error| match error {
            StoreError::BadManifest { path, why } => StoreError::NotStorable { path, why },
            other => other,
        })?;
        Ok(packed)
    }
}

struct Source<'r> {
    root: &'r AbsPath,
    opened: Root,
    mention: Mention,
    seeker: &'r Seeker,
}

/// A path, read.
enum Found {
    Whole(ManifestEntry, Option<Content>),
    /// A file too long to be held.
    Long {
        file: File,
        stat: Stat,
    },
}

struct Content {
    /// Which file it is, if it has more names than one.
    file: Option<Inode>,
    bytes: Vec<u8>,
    mentions_root: bool,
}

fn read_ahead(
    source: &Source<'_>,
    paths: &[&RelPath],
    lane: usize,
    sender: &SyncSender<Result<Found, StoreError>>,
) {
    for path in paths.iter().skip(lane).step_by(READERS) {
        let found = source.read(path);
        let failed = found.is_err();
        if sender.send(found).is_err() || failed {
            return;
        }
    }
}

fn write_archive(
    store: &Store,
    source: &Source<'_>,
    paths: &[&RelPath],
    lanes: Vec<Receiver<Result<Found, StoreError>>>,
) -> Result<Packed, StoreError> {
    let mut writer = BlobWriter::begin(store)?;
    let mut entries = Vec::with_capacity(paths.len());
    let mut embeds_root = false;
    let mut has_files = false;
    // The first names of files that have several.
    let mut first_names: HashMap<Inode, &RelPath> = HashMap::new();
    let mut is_known = |file: Option<Inode>, path| {
        let first = *first_names.entry(file?).or_insert(path);
        (first != path).then(|| ManifestEntry {
            path: path.clone(),
            kind: ManifestKind::Name { of: first.clone() },
        })
    };
    for (position, path) in paths.iter().enumerate() {
        let found = lanes[position % READERS]
            .recv()
            .expect("a reader sends something for each of its paths, and stops only at an error")?;
        match found {
            Found::Whole(mut entry, content) => {
                let file = content.as_ref().and_then(|content| content.file);
                let content = match is_known(file, path) {
                    Some(name) => {
                        entry = name;
                        None
                    }
                    None => content,
                };
                put(&mut writer, &head(&entry))?;
                if let Some(content) = content {
                    has_files = true;
                    embeds_root |= content.mentions_root;
                    put(&mut writer, &content.bytes)?;
                    put(&mut writer, padding(content.bytes.len() as u64))?;
                }
                entries.push(entry);
            }
            Found::Long { file, stat } => {
                has_files = true;
                if let Some(name) = is_known(several_names(&stat), path) {
                    put(&mut writer, &head(&name))?;
                    entries.push(name);
                    continue;
                }
                let (entry, mentions) = source.pass_through(path, file, &stat, &mut writer)?;
                embeds_root |= mentions;
                entries.push(entry);
            }
        }
    }
    let manifest = Manifest { entries };
    if !has_files {
        return Ok(Packed {
            manifest,
            blob: None,
            size: 0,
            embeds_root,
        });
    }
    put(&mut writer, &END)?;
    let (digest, size) = writer.finish()?;
    Ok(Packed {
        manifest,
        blob: Some(digest),
        size,
        embeds_root,
    })
}

fn put(writer: &mut BlobWriter<'_>, bytes: &[u8]) -> Result<(), StoreError> {
    writer
        .write_all(bytes)
        .map_err(|error| writer.failed(error))
}

impl Source<'_> {
    fn read(&self, path: &RelPath) -> Result<Found, StoreError> {
        let refuse = |why| StoreError::NotStorable {
            path: path.clone(),
            why,
        };
        let failed = |error: Errno| match error {
            Errno::NOENT => StoreError::ChangedWhilePacking { path: path.clone() },
            Errno::LOOP | Errno::NOTDIR => refuse(Refusal::BehindLink),
            error => StoreError::io("read", self.root.join_rel(path), error),
        };
        check_path(path).map_err(refuse)?;
        let stat = self
            .opened
            .look(path)
            .map_err(failed)?
            .ok_or_else(|| StoreError::ChangedWhilePacking { path: path.clone() })?;
        let whole = |kind| {
            Ok(Found::Whole(
                ManifestEntry {
                    path: path.clone(),
                    kind,
                },
                None,
            ))
        };
        let found = file_type(&stat);
        if found.is_dir() {
            let mode = permissions(stat.st_mode);
            return whole(ManifestKind::Directory { mode });
        }
        if found.is_symlink() {
            let link = self.opened.file(path, OFlags::PATH).map_err(failed)?;
            let target = rustix::fs::readlinkat(&link, "", Vec::new()).map_err(failed)?;
            self.seeker.look(target.as_bytes());
            let target = portable_target(self.root, path, target.as_bytes()).map_err(refuse)?;
            return whole(ManifestKind::Link { target });
        }
        if !found.is_file() {
            return Err(refuse(Refusal::Special));
        }
        // Not blocking, in case it becomes a pipe between the look and the opening.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.opened.file(path, flags).map_err(failed)?);
        let stat = fstat(&file).map_err(failed)?;
        if !file_type(&stat).is_file() {
            return Err(refuse(Refusal::Special));
        }
        if length(&stat) > SMALL {
            return Ok(Found::Long { file, stat });
        }
        self.read_small(path, file, &stat)
    }

    fn read_small(&self, path: &RelPath, file: File, stat: &Stat) -> Result<Found, StoreError> {
        let size = length(stat);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
        // One byte more than it has, so that one that grows is seen to change.
        (&file)
            .take(size + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::io("read", self.root.join_rel(path), error))?;
        check_unchanged(path, &file, stat, bytes.len() as u64)?;
        let kind = ManifestKind::File {
            digest: Digest::of(&bytes),
            size,
            mode: permissions(stat.st_mode),
        };
        let mentions_root = self.mention.is_in(&bytes);
        self.seeker.look(&bytes);
        let entry = ManifestEntry {
            path: path.clone(),
            kind,
        };
        Ok(Found::Whole(
            entry,
            Some(Content {
                file: several_names(stat),
                bytes,
                mentions_root,
            }),
        ))
    }

    /// Copies a long file into the archive. Its digest is known at the end, which is in time: the
    /// archive does not hold it.
    fn pass_through(
        &self,
        path: &RelPath,
        mut file: File,
        stat: &Stat,
        writer: &mut BlobWriter<'_>,
    ) -> Result<(ManifestEntry, bool), StoreError> {
        let size = length(stat);
        let entry = |digest| ManifestEntry {
            path: path.clone(),
            kind: ManifestKind::File {
                digest,
                size,
                mode: permissions(stat.st_mode),
            },
        };
        put(writer, &head(&entry(Digest([0; 32]))))?;
        let mut hasher = Sha256::new();
        let mut copied = 0;
        let mut mentions = false;
        let kept = self.mention.overlap().max(self.seeker.overlap());
        let mut buffer = vec![0; kept + PIECE];
        let mut carried = 0;
        loop {
            let read = file
                .read(&mut buffer[carried..])
                .map_err(|error| StoreError::io("read", self.root.join_rel(path), error))?;
            if read == 0 {
                break;
            }
            let end = carried + read;
            let piece = &buffer[carried..end];
            copied += read as u64;
            if copied > size {
                return Err(StoreError::ChangedWhilePacking { path: path.clone() });
            }
            hasher.update(piece);
            put(writer, piece)?;
            mentions = mentions || self.mention.is_in(&buffer[..end]);
            self.seeker.look(&buffer[..end]);
            let from = end.saturating_sub(kept);
            buffer.copy_within(from..end, 0);
            carried = end - from;
        }
        check_unchanged(path, &file, stat, copied)?;
        put(writer, padding(size))?;
        Ok((entry(Digest(hasher.finalize().into())), mentions))
    }
}

/// Which file it is, if it has more names than one.
fn several_names(stat: &Stat) -> Option<Inode> {
    (stat.st_nlink > 1).then(|| Identity::of(stat).inode)
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

fn check_unchanged(
    path: &RelPath,
    file: &File,
    before: &Stat,
    read: u64,
) -> Result<(), StoreError> {
    match fstat(file) {
        Ok(after) if unchanged(before, &after) && read == length(before) => Ok(()),
        _ => Err(StoreError::ChangedWhilePacking { path: path.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Bench {
        outer: tempfile::TempDir,
        root: AbsPath,
        store: Store,
    }

    impl Bench {
        fn new() -> Self {
            let outer = tempfile::tempdir().unwrap();
            let root = AbsPath::new(outer.path().join("tree")).unwrap();
            fs::create_dir(&root).unwrap();
            let store = Store::open(&AbsPath::new(outer.path().join("cache")).unwrap()).unwrap();
            Self { outer, root, store }
        }

        fn pack(&self, paths: &[&str]) -> Result<Packed, StoreError> {
            let paths: Vec<_> = paths
                .iter()
                .map(|path| RelPath::new(path).unwrap())
                .collect();
            self.store.pack(&self.root, &paths)
        }

        fn refusal(&self, path: &str) -> Refusal {
            match self.pack(&[path]).unwrap_err() {
                StoreError::NotStorable { why, .. } => why,
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn equal_trees_make_equal_blobs_wherever_they_lie() {
        let pack = || {
            let bench = Bench::new();
            fs::create_dir(bench.root.join("d")).unwrap();
            fs::write(bench.root.join("d/a.js"), "let a;".repeat(1000)).unwrap();
            fs::write(bench.root.join("long"), vec![b'x'; 3 << 20]).unwrap();
            symlink(bench.root.join("d/a.js").as_path(), bench.root.join("l")).unwrap();
            bench.pack(&["l", "long", "d/a.js", "d", "d"]).unwrap()
        };
        let (one, two) = (pack(), pack());
        assert_eq!(one, two);
        let paths: Vec<_> = one
            .manifest
            .entries
            .iter()
            .map(|entry| entry.path.to_string())
            .collect();
        assert_eq!(paths, ["d", "d/a.js", "l", "long"]);
        assert_eq!(
            one.manifest.entries[2].kind,
            ManifestKind::Link {
                target: b"d/a.js".to_vec()
            }
        );
        assert!(one.blob.is_some() && one.size > 0 && !one.embeds_root);
    }

    #[test]
    fn without_files_there_is_no_blob() {
        let bench = Bench::new();
        fs::create_dir(bench.root.join("d")).unwrap();
        symlink("d", bench.root.join("l")).unwrap();
        let packed = bench.pack(&["d", "l"]).unwrap();
        assert_eq!(
            (packed.blob, packed.size, packed.manifest.entries.len()),
            (None, 0, 2)
        );
        let empty = bench.pack(&[]).unwrap();
        assert_eq!((empty.blob, empty.manifest), (None, Manifest::default()));
        assert_eq!(
            fs::read_dir(bench.store.path("staging")).unwrap().count(),
            0
        );
    }

    #[test]
    fn what_no_restore_would_make_is_refused() {
        let bench = Bench::new();
        symlink("/etc/passwd", bench.root.join("absolute")).unwrap();
        symlink("../cache", bench.root.join("out")).unwrap();
        assert_eq!(bench.refusal("absolute"), Refusal::TargetOutside);
        assert_eq!(bench.refusal("out"), Refusal::TargetOutside);
        let fifo = bench.root.join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            fifo.as_path(),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        assert_eq!(bench.refusal("pipe"), Refusal::Special);
        let _socket = std::os::unix::net::UnixListener::bind(bench.root.join("socket")).unwrap();
        assert_eq!(bench.refusal("socket"), Refusal::Special);
        fs::create_dir(bench.root.join("real")).unwrap();
        fs::write(bench.root.join("real/file"), "x").unwrap();
        symlink("real", bench.root.join("alias")).unwrap();
        assert_eq!(bench.refusal("alias/file"), Refusal::BehindLink);
        assert_eq!(bench.refusal(""), Refusal::Root);
        let gone = bench.pack(&["none"]).unwrap_err();
        assert!(
            matches!(gone, StoreError::ChangedWhilePacking { .. }),
            "{gone}"
        );
    }

    #[test]
    fn setuid_is_not_kept() {
        let bench = Bench::new();
        let path = bench.root.join("tool");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o6750)).unwrap();
        let packed = bench.pack(&["tool"]).unwrap();
        let bytes = bench
            .store
            .get_bytes(&packed.blob.unwrap(), 1 << 20)
            .unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o750);
    }

    #[test]
    fn the_root_is_found_in_contents_and_a_longer_name_is_not() {
        let bench = Bench::new();
        let root = bench.root.to_string();
        let embeds = |content: &[u8]| {
            fs::write(bench.root.join("f"), content).unwrap();
            bench.pack(&["f"]).unwrap().embeds_root
        };
        assert!(embeds(format!("//# source={root}/a.js").as_bytes()));
        assert!(embeds(root.as_bytes()));
        assert!(!embeds(format!("{root}-2/a.js").as_bytes()));
        assert!(!embeds(b"nothing"));
        let mut long = vec![b'.'; (3 << 20) + root.len()];
        // Across the border of two pieces.
        let at = 2 * PIECE - root.len() / 2;
        long[at..at + root.len()].copy_from_slice(root.as_bytes());
        assert!(embeds(&long));
        drop(bench.outer);
    }

    #[test]
    fn a_file_that_is_written_meanwhile_is_noticed() {
        let bench = Bench::new();
        let path = bench.root.join("f");
        fs::write(&path, "before").unwrap();
        let file = File::open(&path).unwrap();
        let stat = fstat(&file).unwrap();
        let rel = RelPath::new("f").unwrap();
        assert!(check_unchanged(&rel, &file, &stat, 6).is_ok());
        fs::write(&path, "after!").unwrap();
        let mut touched = fstat(&file).unwrap();
        assert!(unchanged(&touched, &fstat(&file).unwrap()));
        touched.st_mtime_nsec += 1;
        assert!(check_unchanged(&rel, &file, &touched, 6).is_err());
        assert!(check_unchanged(&rel, &file, &stat, 5).is_err());
    }
}
