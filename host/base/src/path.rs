//! Paths with their meaning in the type.
//!
//! [`AbsPath`] travels inside the process. [`RelPath`] is relative to the workspace root, `/`
//! separated, and the only kind of path that is ever stored. Both are clean: no `.`, no `..`, no
//! doubled separator. Cleaning is lexical; resolving symlinks is the business of whoever observed
//! the path.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Why some text is not a path of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// An absolute path was wanted.
    #[error("`{0}` is not an absolute path")]
    NotAbsolute(String),
    /// A path relative to the workspace root was wanted.
    #[error("`{0}` is not a path inside the workspace")]
    NotInside(String),
}

/// An absolute, lexically clean path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsPath(PathBuf);

impl AbsPath {
    /// Cleans an absolute path.
    ///
    /// # Errors
    /// When the path is relative.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, PathError> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_bytes();
        if bytes.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute(path.display().to_string()));
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        let mut clean = vec![b'/'];
        clean.extend(parts.join(&b'/'));
        Ok(Self(PathBuf::from(std::ffi::OsString::from_vec(clean))))
    }

    /// The path that `relative` names when this is the current directory.
    #[must_use]
    pub fn join(&self, relative: impl AsRef<Path>) -> Self {
        let relative = relative.as_ref();
        // A plain name leaves nothing to clean.
        let bytes = relative.as_os_str().as_bytes();
        if !matches!(bytes, b"" | b"." | b"..") && !bytes.contains(&b'/') {
            return Self(self.0.join(relative));
        }
        Self::new(self.0.join(relative)).expect("an absolute path joined with anything is absolute")
    }

    /// The path of a workspace-relative path below this root.
    #[must_use]
    pub fn join_rel(&self, relative: &RelPath) -> Self {
        Self(if relative.is_root() {
            self.0.clone()
        } else {
            self.0.join(relative.as_path())
        })
    }

    /// This path relative to `root`, if it lies at or below it.
    #[must_use]
    pub fn relative_to(&self, root: &Self) -> Option<RelPath> {
        let rest = self.0.strip_prefix(&root.0).ok()?;
        Some(RelPath(rest.as_os_str().as_bytes().to_vec()))
    }

    /// The directory that contains this path; `None` for `/`.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(|parent| Self(parent.to_owned()))
    }

    /// Whether this path is `ancestor` or below it, by path component.
    #[must_use]
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        self.0.starts_with(&ancestor.0)
    }

    /// The path for calls of the standard library.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The bytes of the path.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A clean path relative to the workspace root. The root itself is the empty path.
///
/// It holds bytes, since a file name need not be UTF-8; `Display` is lossy and for messages only.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "serde_bytes::ByteBuf", into = "serde_bytes::ByteBuf")]
pub struct RelPath(Vec<u8>);

impl RelPath {
    /// The workspace root.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Takes a relative path apart and cleans it.
    ///
    /// # Errors
    /// When it is absolute, climbs out with `..`, or holds a NUL.
    pub fn new(path: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let path = path.as_ref();
        let refuse = || PathError::NotInside(String::from_utf8_lossy(path).into_owned());
        if path.first() == Some(&b'/') || path.contains(&0) {
            return Err(refuse());
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop().ok_or_else(refuse)?;
                }
                name => parts.push(name),
            }
        }
        Ok(Self(parts.join(&b'/')))
    }

    /// Whether this is the workspace root.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of the path, `/` separated.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path for calls of the standard library; relative, empty for the root.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The path as text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The last component; `None` for the root.
    #[must_use]
    pub fn file_name(&self) -> Option<&[u8]> {
        if self.is_root() {
            return None;
        }
        self.0.rsplit(|byte| *byte == b'/').next()
    }

    /// The directory that contains this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// The ancestors from the parent up to and with the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// The path that the clean or unclean `relative` names below this one.
    ///
    /// # Errors
    /// When it climbs out of the workspace.
    pub fn join(&self, relative: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let relative = relative.as_ref();
        if relative.first() == Some(&b'/') {
            return Err(PathError::NotInside(
                String::from_utf8_lossy(relative).into_owned(),
            ));
        }
        if self.is_root() {
            return Self::new(relative);
        }
        Self::new([&self.0[..], b"/", relative].concat())
    }

    /// Whether this path is `ancestor` or below it, by path component.
    #[must_use]
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        match self.0.strip_prefix(&ancestor.0[..]) {
            Some(rest) => ancestor.is_root() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }
}

impl TryFrom<serde_bytes::ByteBuf> for RelPath {
    type Error = PathError;

    fn try_from(bytes: serde_bytes::ByteBuf) -> Result<Self, PathError> {
        // What is stored was clean when written: anything else is damage or an attack. Thousands of
        // paths are read for one look-up, so nothing is taken apart and put together again.
        let bytes = bytes.into_vec();
        let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        let is_clean = bytes.is_empty() || bytes.split(|byte| *byte == b'/').all(is_name);
        if is_clean && !bytes.contains(&0) {
            Ok(Self(bytes))
        } else {
            let text = String::from_utf8_lossy(&bytes);
            Err(PathError::NotInside(text.into_owned()))
        }
    }
}

impl From<RelPath> for serde_bytes::ByteBuf {
    fn from(path: RelPath) -> Self {
        Self::from(path.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return formatter.write_str(".");
        }
        String::from_utf8_lossy(&self.0).fmt(formatter)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn unclean_paths_are_cleaned_and_escapes_refused() {
        assert_eq!(rel("a//b/./c/../d").as_bytes(), b"a/b/d");
        assert_eq!(rel("."), RelPath::root());
        assert!(RelPath::new("../a").is_err());
        assert!(RelPath::new("/a").is_err());
        assert!(RelPath::new("a\0b").is_err());
        assert_eq!(AbsPath::new("/a/../../b/").unwrap().as_bytes(), b"/b");
        assert!(AbsPath::new("a").is_err());
    }

    #[test]
    fn joining_keeps_inside() {
        assert_eq!(rel("a/b").join("../c").unwrap(), rel("a/c"));
        assert_eq!(RelPath::root().join("c").unwrap(), rel("c"));
        assert!(rel("a").join("../../c").is_err());
        assert!(rel("a").join("/c").is_err());
    }

    #[test]
    fn prefixes_go_by_component() {
        assert!(rel("a/b").starts_with(&rel("a")));
        assert!(rel("a").starts_with(&rel("a")));
        assert!(!rel("ab").starts_with(&rel("a")));
        assert!(rel("ab").starts_with(&RelPath::root()));
    }

    #[test]
    fn parents_end_at_the_root() {
        let all: Vec<_> = rel("a/b/c").ancestors().collect();
        assert_eq!(all, [rel("a/b"), rel("a"), RelPath::root()]);
        assert_eq!(rel("a/b").file_name(), Some(&b"b"[..]));
        assert_eq!(RelPath::root().parent(), None);
    }

    proptest! {
        #[test]
        fn cleaning_is_idempotent_and_never_escapes(bytes in prop::collection::vec(
            prop::sample::select(b"ab./\xff".to_vec()), 0..24,
        )) {
            if let Ok(path) = RelPath::new(&bytes) {
                prop_assert_eq!(RelPath::new(path.as_bytes()).unwrap(), path.clone());
                let root = AbsPath::new("/w").unwrap();
                let joined = root.join_rel(&path);
                prop_assert_eq!(joined.relative_to(&root), Some(path));
            }
        }
    }
}
