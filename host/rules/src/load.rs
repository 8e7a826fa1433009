//! A component as a file: read from end to end before anything in it runs.

use std::borrow::Cow;
use std::sync::OnceLock;

use vt_base::Digest;

use crate::RulesError;
use crate::manifest::{self, Manifest, Matches, Needs};
use crate::outline::Outline;

/// A rule component whose file has been read and whose interface is one this host has.
#[derive(Clone, Debug)]
pub struct Component {
    manifest: Manifest,
    /// Read when it is asked for, if the component travels inside the program.
    outline: OnceLock<Outline>,
    digest: Digest,
    /// `None` if only its outline was looked at.
    bytes: Option<Cow<'static, [u8]>>,
}

impl Component {
    /// Reads a component. `name` is what the file goes by in messages until it has said its own.
    ///
    /// # Errors
    /// When the bytes are no component, are too many, have no valid manifest, import anything but
    /// the session and WASI, or ask for an interface this host does not have.
    pub fn from_bytes(
        name: &str,
        bytes: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, RulesError> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self::with_digest(name, bytes, digest)
    }

    /// A component that travels inside the program. What is known of those, by tests, need not be
    /// found out: to read and digest them takes longer than everything else a run does before it
    /// looks at the first step.
    pub(crate) fn built_in(bytes: &'static [u8], digest: Digest) -> Option<Self> {
        Some(Self {
            manifest: Manifest::parse(manifest::find(bytes)?).ok()?,
            outline: OnceLock::new(),
            digest,
            bytes: Some(bytes.into()),
        })
    }

    fn with_digest(
        name: &str,
        bytes: Cow<'static, [u8]>,
        digest: Digest,
    ) -> Result<Self, RulesError> {
        let outline = Outline::read(&bytes).map_err(|reason| RulesError::Unreadable {
            plugin: name.to_owned(),
            reason,
        })?;
        let component = Self::from_outline(name, digest, outline)?;
        Ok(Self {
            bytes: Some(bytes),
            ..component
        })
    }

    /// A component of which only the outline is at hand, from bytes of this digest. It can be held
    /// against a step and a lock, and must be read from its file before it is asked.
    ///
    /// # Errors
    /// As [`Component::from_bytes`].
    pub fn from_outline(
        name: &str,
        digest: Digest,
        mut outline: Outline,
    ) -> Result<Self, RulesError> {
        let manifest = outline.understand(name)?;
        Ok(Self {
            manifest,
            outline: outline.into(),
            digest,
            bytes: None,
        })
    }

    /// Who it says it is.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// The version it says it has.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// The version of `vt:rules` it was built against.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.manifest.api
    }

    /// Who says to have made it. Nothing proves it.
    #[must_use]
    pub fn publisher(&self) -> Option<&str> {
        self.manifest.publisher.as_deref()
    }

    /// The methods of the session it may call, without those of WASI, sorted.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.outline().methods.iter().map(String::as_str)
    }

    /// Everything it imports, sorted: the session, and interfaces of WASI, whose doors are closed.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.outline().imports.iter().map(String::as_str)
    }

    /// The digest of its bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What its file says about it, to be remembered instead of the file.
    #[must_use]
    pub fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| {
            Outline::read(self.bytes()).expect("a test reads each built-in component")
        })
    }

    /// Whether its bytes are at hand, so that it can be asked.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.bytes.is_some()
    }

    /// Its bytes; none if it is not whole.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// The steps it speaks for.
    #[must_use]
    pub const fn matches(&self) -> &Matches {
        &self.manifest.matches
    }

    /// What the caller has to read for it before it is asked.
    #[must_use]
    pub const fn needs(&self) -> &Needs {
        &self.manifest.needs
    }
}
