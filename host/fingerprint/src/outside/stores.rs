//! Stores that are addressed by content: the name of a file there says what is in it.
//!
//! So nothing there is an input, and a text that names a place in one means the same wherever the
//! store lies.

use std::fs;

use vt_base::AbsPath;

use crate::disk::Disk;

/// A store, with what names in it begin with.
pub(crate) type Store = (AbsPath, &'static str);

/// Stores by a variable that names them, or a directory above them, and where they lie in it.
const BY_VARIABLE: [(&str, &str, &str); 9] = [
    ("npm_config_store_dir", "", "pnpm store"),
    ("NPM_CONFIG_STORE_DIR", "", "pnpm store"),
    ("PNPM_HOME", "store", "pnpm store"),
    ("XDG_DATA_HOME", "pnpm/store", "pnpm store"),
    ("YARN_GLOBAL_FOLDER", "cache", "yarn cache"),
    ("BUN_INSTALL_CACHE_DIR", "", "bun cache"),
    ("GOMODCACHE", "", "go modules"),
    ("GOPATH", "pkg/mod", "go modules"),
    ("CARGO_HOME", "registry", "cargo registry"),
];

/// Stores by where they lie in the home directory.
const IN_HOME: [(&str, &str); 7] = [
    (".local/share/pnpm/store", "pnpm store"),
    (".pnpm-store", "pnpm store"),
    (".yarn/berry/cache", "yarn cache"),
    (".bun/install/cache", "bun cache"),
    ("go/pkg/mod", "go modules"),
    (".cargo/registry", "cargo registry"),
    (".cargo/git", "cargo git"),
];

/// The stores of this user and of this workspace.
pub(crate) fn find(disk: &Disk<'_>) -> Vec<Store> {
    let mut found: Vec<Store> = Vec::new();
    for (variable, below, token) in BY_VARIABLE {
        let value = disk.env.variables.exact(variable);
        let value = value.and_then(|value| AbsPath::new(value).ok());
        found.extend(value.map(|value| (value.join(below), token)));
    }
    for (below, token) in IN_HOME {
        found.extend(disk.home.map(|home| (home.join(below), token)));
    }
    found.extend(of_workspace(disk.root).map(|store| (store, "pnpm store")));
    let fixed = |path| AbsPath::new(path).expect("the path is absolute");
    found.push((fixed("/nix/store"), "nix store"));
    found.push((fixed("/gnu/store"), "guix store"));
    // Traces have real paths, texts have what was written.
    let real = |(path, token): &Store| {
        let real = fs::canonicalize(path).ok()?;
        Some((AbsPath::new(real).ok()?, *token))
    };
    let real: Vec<Store> = found.iter().filter_map(real).collect();
    found.extend(real);
    found.retain(|(store, _)| store.parent().is_some() && !disk.root.starts_with(store));
    found.sort_by_key(|(store, _)| std::cmp::Reverse(store.as_bytes().len()));
    found.dedup();
    found
}

/// The store that pnpm says it linked the packages of the workspace from.
fn of_workspace(root: &AbsPath) -> Option<AbsPath> {
    let text = fs::read_to_string(root.join("node_modules/.modules.yaml")).ok()?;
    // JSON is what it writes today; both have one value on a line.
    let line = text
        .lines()
        .find_map(|line| line.trim_start_matches([' ', '"']).strip_prefix("storeDir"))?;
    let value = line.trim_start_matches('"').trim_start_matches(':').trim();
    let value = value.trim_end_matches(',').trim_matches(['"', '\'']);
    let store = AbsPath::new(value).ok()?;
    // The last part is the version of its layout.
    let name = store.as_path().file_name()?.to_str()?;
    let is_version = name.strip_prefix('v')?.parse::<u32>().is_ok();
    is_version.then(|| store.parent()).flatten()
}
