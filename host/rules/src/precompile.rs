//! Compiles the built-in components, for a build that is released.

use crate::engine::config;
use crate::{RulesError, built_in};

/// The compiled code of all built-in components, for any processor of this architecture, as a build
/// takes it in by `VT_PRECOMPILED_BUILT_INS`.
///
/// # Errors
/// When this machine can't compile them.
pub fn precompile_built_ins() -> Result<Vec<u8>, RulesError> {
    let components = built_in()
        .iter()
        .map(|component| (component.digest(), component.bytes()));
    vt_precompiled::carry(config(), components).map_err(|error| RulesError::Engine {
        reason: error.root_cause().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_component_is_in_it_once() {
        let file = precompile_built_ins().unwrap();
        for component in built_in() {
            let digest = &component.digest().0;
            let found = file.windows(digest.len()).filter(|at| at == digest);
            assert_eq!(found.count(), 1, "{}", component.id());
        }
    }
}
