//! A component as a file: read from end to end before anything in it runs.

use std::borrow::Cow;
use std::collections::BTreeSet;

use vt_base::Digest;
use wasmparser::{
    ComponentImport, ComponentType, ComponentTypeRef, Encoding, InstanceTypeDeclaration, Parser,
    Payload, TypeBounds,
};

use crate::RulesError;
use crate::manifest::{self, Header, Manifest, Matches, Needs};
use crate::since_0_1_0 as api;

/// Larger components are refused, in bytes.
pub const MAX_COMPONENT: usize = 2 << 20;

/// A rule component whose file has been read and whose interface is one this host has.
#[derive(Clone, Debug)]
pub struct Component {
    manifest: Manifest,
    outline: Outline,
    digest: Digest,
    bytes: Cow<'static, [u8]>,
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

    /// As [`Component::from_bytes`], of bytes whose digest is known: that of half a megabyte takes
    /// longer than everything else a run does before it looks at the first step.
    pub(crate) fn with_digest(
        name: &str,
        bytes: Cow<'static, [u8]>,
        digest: Digest,
    ) -> Result<Self, RulesError> {
        let unreadable = |reason: String| RulesError::Unreadable {
            plugin: name.to_owned(),
            reason,
        };
        let outline = Outline::read(&bytes).map_err(unreadable)?;
        let manifest = match &outline.manifests[..] {
            [] => {
                return Err(unreadable(format!(
                    "it has no `{}` section",
                    manifest::SECTION
                )));
            }
            [one] => {
                // What another version writes into it need not be readable; what it needs is.
                let header = Header::parse(one);
                if let Some(header) = &header {
                    supported(name, &header.api, header.vt.as_deref())?;
                    if api::is_later(&header.api) {
                        outline.refuse_what_is_missing(name, header)?;
                    }
                }
                Manifest::parse(one).map_err(unreadable)?
            }
            _ => {
                return Err(unreadable(format!(
                    "it has two `{}` sections",
                    manifest::SECTION
                )));
            }
        };
        let imported = outline.api.as_deref();
        if let Some(imported) = imported {
            supported(name, imported, manifest.vt.as_deref())?;
        }
        if imported != Some(&manifest.api) {
            let imported = imported.unwrap_or("nothing");
            let claimed = &manifest.api;
            return Err(unreadable(format!(
                "its manifest names vt:rules {claimed}, but it imports {imported}"
            )));
        }
        if !outline.judges {
            return Err(unreadable("it does not export `judge`".into()));
        }
        Ok(Self {
            manifest,
            outline,
            digest,
            bytes,
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
        self.outline.methods.iter().map(String::as_str)
    }

    /// Everything it imports, sorted: the session, and interfaces of WASI, whose doors are closed.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.outline.imports.iter().map(String::as_str)
    }

    /// The digest of its bytes.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
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

/// Refuses a version of the interface this host does not have.
fn supported(name: &str, found: &str, vt: Option<&str>) -> Result<(), RulesError> {
    if api::supports(found) {
        return Ok(());
    }
    Err(RulesError::UnsupportedApi {
        plugin: name.to_owned(),
        found: found.to_owned(),
        supported: api::VERSION,
        vt: vt.map(str::to_owned),
    })
}

/// What the sections of a file say.
#[derive(Clone, Debug, Default)]
struct Outline {
    manifests: Vec<Vec<u8>>,
    imports: BTreeSet<String>,
    methods: BTreeSet<String>,
    api: Option<String>,
    judges: bool,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_COMPONENT {
            return Err(format!("it is larger than {} MiB", MAX_COMPONENT >> 20));
        }
        if !Parser::is_component(bytes) {
            return Err("it is no WebAssembly component".into());
        }
        let mut outline = Self::default();
        // Modules and components inside; their imports are internal and theirs to satisfy.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| error.to_string())? {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } if depth == 0 => {
                    return Err("it is a module, not a component".into());
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section)
                    if depth <= 1 && section.name() == manifest::SECTION =>
                {
                    outline.manifests.push(section.data().to_vec());
                }
                Payload::ComponentTypeSection(types) if depth == 0 => {
                    for declared in types {
                        outline.declare(&declared.map_err(|error| error.to_string())?);
                    }
                }
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports {
                        outline.import(import.map_err(|error| error.to_string())?)?;
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports {
                        let name = export.map_err(|error| error.to_string())?.name.name;
                        outline.judges |= name == "judge";
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Notes the methods of an interface that has a session in it. There is only one such interface.
    fn declare(&mut self, declared: &ComponentType<'_>) {
        let ComponentType::Instance(declarations) = declared else {
            return;
        };
        let names = declarations
            .iter()
            .filter_map(|declaration| match declaration {
                InstanceTypeDeclaration::Export { name, .. } => Some(name.name),
                _ => None,
            });
        for name in names {
            if let Some(method) = name.strip_prefix("[method]session.") {
                self.methods.insert(method.to_owned());
            }
        }
    }

    /// Names what a component of a later patch calls and this host lacks.
    fn refuse_what_is_missing(&self, name: &str, header: &Header) -> Result<(), RulesError> {
        let missing: Vec<String> = self
            .methods
            .iter()
            .filter(|method| !api::METHODS.contains(&method.as_str()))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(RulesError::MissingMethods {
            plugin: name.to_owned(),
            missing,
            api: header.api.clone(),
            supported: api::VERSION,
            vt: header.vt.clone(),
        })
    }

    fn import(&mut self, import: ComponentImport<'_>) -> Result<(), String> {
        let name = import.name.name;
        // A world gives names to types it uses; another name of a known type brings nothing in.
        let renames = matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_)));
        if !renames {
            self.imports.insert(name.to_owned());
        }
        if let Some(version) = name
            .strip_prefix(api::INTERFACE)
            .and_then(|v| v.strip_prefix('@'))
        {
            self.api = Some(version.to_owned());
            return Ok(());
        }
        if renames || name.starts_with("wasi:") {
            return Ok(());
        }
        Err(format!("it imports `{name}`, which no rule may have"))
    }
}
