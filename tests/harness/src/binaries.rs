//! Where the binaries under test are.
//!
//! A missing binary fails the test that needs it: a suite that skips itself tells nothing.

use std::path::{Path, PathBuf};

use crate::error::HarnessError;

/// The two binaries every story needs.
#[derive(Debug, Clone)]
pub struct Binaries {
    vt: PathBuf,
    vtt: PathBuf,
}

impl Binaries {
    /// Takes `VT_BIN` and `VTT_BIN` if set, else what lies in the profile folder this test was built into.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoBinary`] if one of them is not a file.
    pub fn find() -> Result<Self, HarnessError> {
        let beside = profile_folder();
        Self::at(
            std::env::var_os("VT_BIN").map_or_else(|| beside.join("vt"), PathBuf::from),
            std::env::var_os("VTT_BIN").map_or_else(|| beside.join("vtt"), PathBuf::from),
        )
    }

    /// Takes the binaries at these places.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoBinary`] if one of them is not a file.
    pub fn at(vt: PathBuf, vtt: PathBuf) -> Result<Self, HarnessError> {
        for (name, variable, path) in [("vt", "VT_BIN", &vt), ("vtt", "VTT_BIN", &vtt)] {
            if !path.is_file() {
                return Err(HarnessError::NoBinary {
                    name,
                    variable,
                    path: path.clone(),
                });
            }
        }
        Ok(Self { vt, vtt })
    }

    /// The runner.
    #[must_use]
    pub fn vt(&self) -> &Path {
        &self.vt
    }

    /// The tool of the stories.
    #[must_use]
    pub fn vtt(&self) -> &Path {
        &self.vtt
    }
}

/// `target/<profile>`: test executables live in its `deps`.
pub(crate) fn profile_folder() -> PathBuf {
    let executable = std::env::current_exe().expect("a running test has a path");
    let folder = executable.parent().expect("an executable lies in a folder");
    if folder.ends_with("deps") {
        folder
            .parent()
            .expect("`deps` lies in a profile folder")
            .to_path_buf()
    } else {
        folder.to_path_buf()
    }
}
