//! Compiled components that travel inside the program.
//!
//! A program that was built once writes them, and the build that is released takes them in. They
//! are as trustworthy as the program they are part of. Still each is held against its digest before
//! it is loaded, and the engine refuses what another version, configuration or processor is needed
//! for; what does not fit is compiled as if it were not there.

use vt_base::Digest;
use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel};

/// What a file begins with. The build script has the same.
const MAGIC: &[u8] = b"vt compiled components 1\n";

/// The lengths of what stands before the code of a component, in bytes.
const DIGEST: usize = 32;
const LENGTH: usize = 8;

/// What was taken in when this program was built; empty if nothing was.
static BUILT_IN: &[u8] = include_bytes!(env!("VT_BUILT_INS"));

/// Components by their digests, each with the digest of its code.
#[derive(Clone, Copy)]
pub(crate) struct Carried(&'static [u8]);

impl Carried {
    /// Those that travel inside this program.
    pub(crate) const fn built_in() -> Self {
        Self(BUILT_IN)
    }

    #[cfg(test)]
    pub(crate) const fn of(bytes: &'static [u8]) -> Self {
        Self(bytes)
    }

    /// The code of a component, if it is there and whole.
    fn code(self, component: &Digest) -> Option<&'static [u8]> {
        let mut rest = self.0.strip_prefix(MAGIC)?;
        while !rest.is_empty() {
            let (name, behind) = rest.split_at_checked(DIGEST)?;
            let (digest, behind) = behind.split_at_checked(DIGEST)?;
            let (length, behind) = behind.split_first_chunk::<LENGTH>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (code, behind) = behind.split_at_checked(length)?;
            if name == component.0 {
                return (Digest::of(code).0 == digest).then_some(code);
            }
            rest = behind;
        }
        None
    }

    /// A component, if its code is there and fits the engine and this machine.
    pub(crate) fn component(self, engine: &Engine, digest: &Digest) -> Option<Component> {
        crate::deserialize(engine, self.code(digest)?).ok()
    }
}

/// Whether any compiled component travels inside this program.
#[must_use]
pub fn carries_components() -> bool {
    !BUILT_IN.is_empty()
}

/// Compiles components for any processor of this architecture, and makes of them what a build
/// takes in by `VT_PRECOMPILED_BUILT_INS`. The configuration is that of the engine which is to
/// load them.
///
/// # Errors
/// When there is no such engine, or a component can't be compiled.
pub fn carry<'c>(
    mut config: Config,
    components: impl Iterator<Item = (&'c Digest, &'c [u8])>,
) -> wasmtime::Result<Vec<u8>> {
    // Here is time to make the code small, which changes nothing of what it does.
    config.cranelift_opt_level(OptLevel::SpeedAndSize);
    // With a target it asks nothing of the processor but what all of them have.
    let engine = Engine::new(config.target(env!("VT_TARGET"))?)?;
    let mut file = MAGIC.to_vec();
    for (digest, bytes) in components {
        let code = engine.precompile_component(bytes)?;
        file.extend(digest.0);
        file.extend(Digest::of(&code).0);
        file.extend((code.len() as u64).to_le_bytes());
        file.extend(code);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENTS: [&[u8]; 2] = [
        // The empty component, and one with a section that nobody reads.
        b"\0asm\x0d\0\x01\0",
        b"\0asm\x0d\0\x01\0\0\x02\x01a",
    ];

    fn carried() -> Vec<u8> {
        let digests = COMPONENTS.map(Digest::of);
        carry(Config::new(), digests.iter().zip(COMPONENTS)).unwrap()
    }

    fn leak(bytes: Vec<u8>) -> Carried {
        Carried::of(bytes.leak())
    }

    #[test]
    fn what_is_carried_is_loaded_by_an_engine_of_the_same_configuration() {
        let carried = leak(carried());
        let engine = Engine::default();
        for component in COMPONENTS {
            assert!(carried.component(&engine, &Digest::of(component)).is_some());
        }
        assert!(carried.component(&engine, &Digest::of(b"x")).is_none());
        let mut other = Config::new();
        other.consume_fuel(true);
        let other = Engine::new(&other).unwrap();
        assert!(
            carried
                .component(&other, &Digest::of(COMPONENTS[0]))
                .is_none()
        );
    }

    #[test]
    fn a_build_that_took_nothing_in_carries_nothing() {
        let engine = Engine::default();
        assert!(
            leak(Vec::new())
                .component(&engine, &Digest::of(COMPONENTS[0]))
                .is_none()
        );
        assert_eq!(carries_components(), !BUILT_IN.is_empty());
    }

    #[test]
    fn code_that_is_damaged_or_cut_short_is_not_loaded() {
        let good = carried();
        let digests = COMPONENTS.map(Digest::of);
        let engine = Engine::default();
        let first = MAGIC.len() + 2 * DIGEST + LENGTH;
        let length = good[first - LENGTH..first].try_into().unwrap();
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap();
        let step = length / 97 + 1;
        for at in (first..first + length).step_by(step) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let bad = leak(bad);
            assert!(bad.code(&digests[0]).is_none(), "byte {at}");
            assert!(bad.component(&engine, &digests[1]).is_some());
        }
        for end in (0..good.len()).step_by(step) {
            assert!(leak(good[..end].to_vec()).code(&digests[1]).is_none());
        }
    }

    #[test]
    fn code_of_another_version_or_for_another_machine_is_not_loaded() {
        let digest = Digest::of(COMPONENTS[0]);
        let with = |config: Config| {
            let components = std::iter::once((&digest, COMPONENTS[0]));
            leak(carry(config, components).unwrap())
        };
        let engine = Engine::default();
        assert!(with(Config::new()).component(&engine, &digest).is_some());
        let mut other = Config::new();
        let version = wasmtime::ModuleVersionStrategy::Custom("another".to_owned());
        other.module_version(version).unwrap();
        let other = with(other);
        assert!(other.code(&digest).is_some() && other.component(&engine, &digest).is_none());
        let elsewhere = match std::env::consts::ARCH {
            "x86_64" => "aarch64-unknown-linux-gnu",
            _ => "x86_64-unknown-linux-gnu",
        };
        let mut config = Config::new();
        let elsewhere = Engine::new(config.target(elsewhere).unwrap());
        // An engine that knows one architecture only is not even made.
        if let Ok(elsewhere) = elsewhere {
            assert!(with(Config::new()).component(&elsewhere, &digest).is_none());
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[expect(
        unsafe_code,
        reason = "whoever says what a processor can do has to be right"
    )]
    fn code_that_wants_more_of_the_processor_than_there_is_is_not_loaded() {
        let digest = Digest::of(COMPONENTS[0]);
        let (mut wants, mut has_not) = (Config::new(), Config::new());
        // SAFETY: what is compiled is never run, and an engine that takes a processor for less than
        // it is harms nobody.
        unsafe {
            wants.cranelift_flag_enable("has_bmi2");
            has_not.detect_host_feature(|_| Some(false));
        }
        let components = std::iter::once((&digest, COMPONENTS[0]));
        let wants = leak(carry(wants, components).unwrap());
        assert!(wants.code(&digest).is_some());
        // One that asks nothing but what all have is taken.
        let components = std::iter::once((&digest, COMPONENTS[0]));
        let plain = leak(carry(Config::new(), components).unwrap());
        match Engine::new(has_not.target(env!("VT_TARGET")).unwrap()) {
            Ok(has_not) => {
                assert!(wants.component(&has_not, &digest).is_none());
                assert!(plain.component(&has_not, &digest).is_some());
            }
            Err(error) => panic!("{error:#}"),
        }
    }
}
