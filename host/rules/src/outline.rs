//! What the sections of a component say, without any of it run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wasmparser::{
    ComponentImport, ComponentType, ComponentTypeRef, Encoding, InstanceTypeDeclaration, Parser,
    Payload, TypeBounds,
};

use crate::RulesError;
use crate::manifest::{self, Header, Manifest};
use crate::since_0_1_0 as api;

/// Larger components are refused, in bytes.
pub const MAX_COMPONENT: usize = 2 << 20;

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

/// What the sections of a file say. It is judged anew whenever a component is made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outline {
    /// What no component was made of yet.
    manifests: Vec<Vec<u8>>,
    /// What one was made of.
    understood: Option<Manifest>,
    pub(crate) imports: BTreeSet<String>,
    pub(crate) methods: BTreeSet<String>,
    api: Option<String>,
    judges: bool,
}

impl Outline {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
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

    /// As much of it as it takes to make the component anew, as long as it is not asked what it
    /// imports.
    #[must_use]
    pub fn brief(&self) -> Self {
        let understood = self.understood.as_ref();
        if understood.is_none_or(|manifest| manifest.api != api::VERSION) {
            return self.clone();
        }
        Self {
            imports: BTreeSet::new(),
            methods: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// What the component says about itself, if this host can do with it; from then on it is known.
    pub(crate) fn understand(&mut self, name: &str) -> Result<Manifest, RulesError> {
        let manifest = self.manifest(name)?;
        self.understood = Some(manifest.clone());
        self.manifests.clear();
        Ok(manifest)
    }

    fn manifest(&self, name: &str) -> Result<Manifest, RulesError> {
        let unreadable = |reason: String| RulesError::Unreadable {
            plugin: name.to_owned(),
            reason,
        };
        let manifest = match (&self.understood, &self.manifests[..]) {
            // What was understood once may be too much for this version, or too little.
            (Some(known), _) => {
                let header = Header::from(known);
                self.refuse(name, &header)?;
                known.checked().map_err(unreadable)?.clone()
            }
            (None, []) => {
                return Err(unreadable(format!(
                    "it has no `{}` section",
                    manifest::SECTION
                )));
            }
            (None, [one]) => match Manifest::parse(one) {
                Ok(manifest) if manifest.api == api::VERSION => manifest,
                parsed => {
                    // What another version writes into it need not be readable; what it needs is.
                    if let Some(header) = &Header::parse(one) {
                        self.refuse(name, header)?;
                    }
                    parsed.map_err(unreadable)?
                }
            },
            _ => {
                return Err(unreadable(format!(
                    "it has two `{}` sections",
                    manifest::SECTION
                )));
            }
        };
        let imported = self.api.as_deref();
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
        if !self.judges {
            return Err(unreadable("it does not export `judge`".into()));
        }
        Ok(manifest)
    }

    /// Refuses an interface that this host does not have, or not all of.
    fn refuse(&self, name: &str, header: &Header) -> Result<(), RulesError> {
        supported(name, &header.api, header.vt.as_deref())?;
        if api::is_later(&header.api) {
            self.refuse_what_is_missing(name, header)?;
        }
        Ok(())
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
