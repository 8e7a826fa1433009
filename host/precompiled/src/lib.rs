//! Keeps compiled rule components, and loads only what it wrote itself.
//!
//! Compiled code is run as it is: whoever can change it runs code of theirs in `vt`. So a file is
//! taken only from a directory that nobody else can enter, only if it belongs to us and nobody else
//! can write it, and only if it carries a seal that was made with a secret of ours over its name
//! and all its bytes; what is loaded are the very bytes that the seal was checked over. On any doubt
//! the component is compiled anew. A file that came from elsewhere fits no seal.
//!
//! What travels inside the program was compiled when that was built: see `carried`.
//!
//! The one crate of the host with `unsafe` in it, and it has one piece of that.
#![deny(unsafe_code)]

mod carried;
mod files;

use std::hash::{Hash as _, Hasher};
use std::path::PathBuf;

use vt_base::{Digest, StableHasher};
use wasmtime::Engine;
use wasmtime::component::Component;

use carried::Carried;
pub use carried::{carries_components, carry};

/// The length of a seal, in bytes.
const SEAL: usize = 32;

/// Whether files may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writes {
    /// They may.
    Allowed,
    /// They may not: somebody only wants to look.
    Forbidden,
}

/// A directory of compiled components.
pub struct Precompiled {
    directory: PathBuf,
    secret: Digest,
    writes: Writes,
}

impl std::fmt::Debug for Precompiled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Precompiled")
            .field("directory", &self.directory)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

impl Precompiled {
    /// Names the directory, which is made at the first use, and the secret that files are sealed
    /// with. Nothing is touched.
    #[must_use]
    pub fn new(directory: PathBuf, secret: &[u8; 32], writes: Writes) -> Self {
        let mut hasher = StableHasher::new("vt precompiled secret");
        hasher.bytes(secret);
        Self {
            directory,
            secret: hasher.finish(),
            writes,
        }
    }

    /// A component, compiled earlier or now. That nothing can be kept is no error.
    ///
    /// # Errors
    /// When the bytes are no component that the engine can compile.
    pub fn component(
        &self,
        engine: &Engine,
        digest: &Digest,
        bytes: &[u8],
    ) -> wasmtime::Result<Component> {
        if let Some(carried) = Carried::built_in().component(engine, digest) {
            return Ok(carried);
        }
        let name = name(engine, digest);
        if let Some(known) = self.load(engine, &name) {
            return Ok(known);
        }
        if self.writes == Writes::Forbidden {
            return Component::from_binary(engine, bytes);
        }
        let component = Component::from_binary(engine, bytes)?;
        let code = component.serialize()?;
        let seal = self.seal(&name, &code);
        // What can't be kept is compiled again next time.
        let _ = files::write(&self.directory, &name.to_hex(), &[&seal.0, &code]);
        Ok(component)
    }

    fn load(&self, engine: &Engine, name: &Digest) -> Option<Component> {
        let file = files::read(&self.directory, &name.to_hex())?;
        let (seal, code) = file.split_at_checked(SEAL)?;
        if self.seal(name, code).0 != seal {
            return None;
        }
        deserialize(engine, code).ok()
    }

    /// Made with the secret, so that nobody who lacks it can make one. Every field goes in behind
    /// its length.
    fn seal(&self, name: &Digest, code: &[u8]) -> Digest {
        let mut hasher = StableHasher::new("vt precompiled");
        hasher.digest(&self.secret).digest(name).bytes(code);
        hasher.finish()
    }
}

/// Loads code whose seal, or digest in the program, was checked.
#[expect(
    unsafe_code,
    reason = "the engine cannot tell whether code is what it once compiled; the seal can"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: there are two callers. One has just checked, over these very bytes, a seal that only
    // this crate makes, with a secret, and only over what `Component::serialize` returned. The other
    // has its bytes from this program itself, into which a build took what
    // `Engine::precompile_component` returned, and has just checked their digest. That version,
    // configuration and processor are the same the engine checks itself.
    unsafe { Component::deserialize(engine, code) }
}

/// What a compiled component goes by: the component, and all that its code depends on. That is the
/// version of the compiler, the configuration of the engine and the features of the processor.
fn name(engine: &Engine, digest: &Digest) -> Digest {
    let mut hasher = StableHasher::new("vt precompiled name");
    hasher.digest(digest);
    let mut fields = Fields(hasher);
    engine.precompile_compatibility_hash().hash(&mut fields);
    fields.0.finish()
}

/// Takes fields in where the standard library wants a hasher of 64 bits.
struct Fields(StableHasher);

impl Hasher for Fields {
    fn write(&mut self, bytes: &[u8]) {
        self.0.bytes(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the whole digest is taken instead.
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    /// The empty component: magic, version 13, layer 1.
    const WASM: &[u8] = b"\0asm\x0d\0\x01\0";

    fn engine() -> Engine {
        Engine::default()
    }

    fn cache(directory: &Path) -> Precompiled {
        Precompiled::new(directory.join("precompiled"), &[1; 32], Writes::Allowed)
    }

    /// The one file of a cache.
    fn file(directory: &Path) -> PathBuf {
        let mut files = fs::read_dir(directory.join("precompiled")).unwrap();
        let one = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        one
    }

    /// Compiles once, and gives the cache and its name for the component.
    fn filled(directory: &Path, engine: &Engine) -> (Precompiled, Digest) {
        let cache = cache(directory);
        let digest = Digest::of(WASM);
        cache.component(engine, &digest, WASM).unwrap();
        let name = name(engine, &digest);
        assert!(cache.load(engine, &name).is_some());
        (cache, name)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_was_compiled_is_loaded_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine();
        let (cache, name) = filled(directory.path(), &engine);
        assert_eq!(mode(&directory.path().join("precompiled")), 0o700);
        assert_eq!(mode(&file(directory.path())), 0o600);
        // It is loaded indeed: what is no component would not compile.
        assert!(cache.load(&engine, &name).is_some());
        let digest = Digest::of(WASM);
        cache.component(&engine, &digest, b"no component").unwrap();
    }

    #[test]
    fn a_file_with_any_byte_changed_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine();
        let (cache, name) = filled(directory.path(), &engine);
        let path = file(directory.path());
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(97).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(cache.load(&engine, &name).is_none(), "byte {at}");
        }
        for length in [0, SEAL - 1, SEAL, good.len() - 1] {
            fs::write(&path, &good[..length]).unwrap();
            assert!(cache.load(&engine, &name).is_none(), "{length} bytes");
        }
        fs::write(&path, &good).unwrap();
        assert!(cache.load(&engine, &name).is_some());
        // And it is put right.
        fs::write(&path, b"x").unwrap();
        cache.component(&engine, &Digest::of(WASM), WASM).unwrap();
        assert_eq!(fs::read(&path).unwrap(), good);
    }

    #[test]
    fn a_file_from_elsewhere_is_not_loaded() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = engine();
        let (cache, name) = filled(ours.path(), &engine);
        let foreign =
            Precompiled::new(theirs.path().join("precompiled"), &[2; 32], Writes::Allowed);
        foreign.component(&engine, &Digest::of(WASM), WASM).unwrap();
        let text = fs::read(file(theirs.path())).unwrap();
        let path = file(ours.path());
        fs::write(&path, text).unwrap();
        assert!(cache.load(&engine, &name).is_none());
    }

    #[test]
    fn a_file_of_ours_under_another_name_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine();
        let (cache, name) = filled(directory.path(), &engine);
        let other = Digest::of(b"another component");
        let path = file(directory.path());
        fs::rename(&path, path.with_file_name(other.to_hex())).unwrap();
        assert!(cache.load(&engine, &other).is_none());
        assert!(cache.load(&engine, &name).is_none());
    }

    #[test]
    fn what_others_may_write_or_lead_elsewhere_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine();
        let (cache, name) = filled(directory.path(), &engine);
        let (folder, path) = (directory.path().join("precompiled"), file(directory.path()));
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        open(&path, 0o620);
        assert!(cache.load(&engine, &name).is_none());
        open(&path, 0o600);
        open(&folder, 0o750);
        assert!(cache.load(&engine, &name).is_none());
        open(&folder, 0o700);
        assert!(cache.load(&engine, &name).is_some());
        let moved = directory.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(cache.load(&engine, &name).is_none());
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
        assert!(cache.load(&engine, &name).is_some());
        let elsewhere = directory.path().join("elsewhere");
        fs::rename(&folder, &elsewhere).unwrap();
        symlink(&elsewhere, &folder).unwrap();
        assert!(cache.load(&engine, &name).is_none());
    }

    #[test]
    fn another_configuration_has_files_of_its_own() {
        let digest = Digest::of(b"component");
        let mut config = wasmtime::Config::new();
        config.consume_fuel(true);
        let other = Engine::new(&config).unwrap();
        assert_ne!(name(&engine(), &digest), name(&other, &digest));
        assert_eq!(name(&engine(), &digest), name(&engine(), &digest));
    }

    #[test]
    fn who_only_looks_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precompiled");
        let cache = Precompiled::new(path.clone(), &[1; 32], Writes::Forbidden);
        cache.component(&engine(), &Digest::of(WASM), WASM).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn no_more_than_a_limit_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("precompiled");
        for index in 0..files::KEPT + 3 {
            files::write(&folder, &format!("{index}"), &[b"x"]).unwrap();
        }
        let count = fs::read_dir(&folder).unwrap().count();
        assert!(count <= files::KEPT, "{count}");
        let last = format!("{}", files::KEPT + 2);
        assert!(folder.join(last).exists());
    }
}
