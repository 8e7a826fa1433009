//! What package managers tell the scripts they start about themselves and about the package.
//!
//! A script that `vt` starts is told the same, of its own package, whoever started `vt`; and so is a
//! task, which is a script that says more. None of it is in the environment of a cached step: it is
//! answered on demand, or given where the text of the command uses it.

use std::ffi::OsString;
use std::path::Path;

use vt_base::{AbsPath, EnvMap, EnvPatterns};
use vt_config::{Package, Task};

/// The package manager of a workspace.
#[derive(Debug)]
pub(crate) struct PackageManager {
    name: &'static str,
    /// The file it consists of, or that starts it.
    program: Option<AbsPath>,
    node: Option<AbsPath>,
    user_agent: String,
}

/// Files of a workspace, and whose they are.
const OF: [(&str, &str); 5] = [
    ("pnpm-lock.yaml", "pnpm"),
    ("pnpm-workspace.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
];

/// What a package manager that started `vt` has told about that start. Its other settings, such as
/// `npm_config_registry`, may be the user's.
const OF_START: [&str; 18] = [
    "NODE",
    "PNPM_SCRIPT_SRC_DIR",
    "npm_command",
    "npm_config_frozen_lockfile",
    "npm_config_global_prefix",
    "npm_config_globalconfig",
    "npm_config_init_module",
    "npm_config_local_prefix",
    "npm_config_node_gyp",
    "npm_config_npm_globalconfig",
    "npm_config_npm_version",
    "npm_config_prefix",
    "npm_config_user_agent",
    "npm_config_verify_deps_before_run",
    "npm_execpath",
    "npm_lifecycle_*",
    "npm_node_execpath",
    "npm_package_*",
];

/// Takes out of an environment what a package manager told `vt` of its own start.
pub(crate) fn forget_start(env: &mut EnvMap) {
    let patterns = EnvPatterns::new(OF_START);
    env.retain(|name, _| !name.to_str().is_some_and(|name| patterns.matches(name)));
}

impl PackageManager {
    /// Finds the package manager of a workspace. `search` is the `PATH` that `vt` was started with.
    pub(crate) fn find(root: &AbsPath, search: Option<&OsString>) -> Self {
        let owner = OF
            .iter()
            .find(|(file, _)| root.join(file).as_path().exists());
        let name = owner.map_or("npm", |(_, name)| name);
        let found = |program: &str| {
            std::env::split_paths(search?)
                .filter_map(|directory| AbsPath::new(directory.join(program)).ok())
                .find(|path| path.as_path().is_file())
        };
        let program = found(name).and_then(|path| {
            let real = std::fs::canonicalize(path).ok()?;
            AbsPath::new(real).ok()
        });
        let node = found("node");
        let version = program.as_ref().and_then(|path| version_of(name, path));
        let agent = [
            Some(format!("{name}/{}", version.as_deref().unwrap_or("?"))),
            (name != "npm").then(|| "npm/?".to_owned()),
            Some(format!(
                "node/{}",
                node.as_ref()
                    .and_then(node_version)
                    .as_deref()
                    .unwrap_or("?")
            )),
            Some(std::env::consts::OS.to_owned()),
            Some(
                std::env::consts::ARCH
                    .replace("x86_64", "x64")
                    .replace("aarch64", "arm64"),
            ),
            (name == "npm").then(|| "workspaces/false".to_owned()),
        ];
        let agent: Vec<String> = agent.into_iter().flatten().collect();
        Self {
            name,
            program,
            node,
            user_agent: agent.join(" "),
        }
    }

    /// What a command of a task is told.
    pub(crate) fn tell(&self, root: &AbsPath, package: &Package, task: &Task) -> EnvMap {
        let directory = root.join_rel(&package.directory);
        let mut told = EnvMap::new();
        let mut tell = |name: &str, value: OsString| {
            told.insert(name.into(), value);
        };
        tell("npm_command", "run-script".into());
        tell("npm_lifecycle_event", task.name.clone().into());
        tell("npm_lifecycle_script", task.command.join(" && ").into());
        tell("npm_config_user_agent", self.user_agent.clone().into());
        tell(
            "npm_package_json",
            directory.join("package.json").as_path().into(),
        );
        let named = [("name", &package.name), ("version", &package.version)];
        for (key, value) in named {
            if let Some(value) = value {
                tell(&format!("npm_package_{key}"), value.into());
            }
        }
        for (key, value) in &package.told {
            tell(&format!("npm_package_{key}"), value.into());
        }
        if let Some(program) = &self.program {
            tell("npm_execpath", program.as_path().into());
        }
        if let Some(node) = &self.node {
            tell("NODE", node.as_path().into());
            tell("npm_node_execpath", node.as_path().into());
        }
        match self.name {
            "npm" => tell("npm_config_local_prefix", root.as_path().into()),
            "pnpm" => tell("PNPM_SCRIPT_SRC_DIR", directory.as_path().into()),
            _ => {}
        }
        told
    }
}

/// The version in the `package.json` of the package that a program lies in.
fn version_of(name: &str, program: &AbsPath) -> Option<String> {
    let mut directory = program.parent();
    while let Some(here) = directory {
        let text = std::fs::read_to_string(here.join("package.json").as_path()).ok();
        let json = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        if let Some(json) = json.filter(|json| json["name"] == name) {
            return json["version"].as_str().map(str::to_owned);
        }
        directory = here.parent();
    }
    None
}

/// The version of a Node, by the headers it brings along: to ask it would mean to start it.
fn node_version(node: &AbsPath) -> Option<String> {
    let real = std::fs::canonicalize(node.as_path()).ok()?;
    let header = real.parent()?.parent()?.join("include/node/node_version.h");
    let text = std::fs::read_to_string(Path::new(&header)).ok()?;
    let number = |name: &str| {
        let rest = text.split_once(&format!("#define {name} "))?.1;
        rest.split_whitespace().next()
    };
    let [major, minor, patch] = [
        "NODE_MAJOR_VERSION",
        "NODE_MINOR_VERSION",
        "NODE_PATCH_VERSION",
    ]
    .map(number);
    Some(format!("v{}.{}.{}", major?, minor?, patch?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_start_told_is_forgotten_and_settings_stay() {
        let names = [
            "npm_package_name",
            "npm_lifecycle_event",
            "npm_config_registry",
            "NODE",
            "A",
        ];
        let mut env: EnvMap = names.map(|name| (name.into(), "1".into())).into();
        forget_start(&mut env);
        let left: Vec<_> = env.keys().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(left, ["A", "npm_config_registry"]);
    }

    #[test]
    fn the_manager_is_the_one_whose_lockfile_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = AbsPath::new(directory.path()).unwrap();
        assert_eq!(PackageManager::find(&root, None).name, "npm");
        std::fs::write(directory.path().join("yarn.lock"), "").unwrap();
        let bin = directory.path().join("bin");
        std::fs::create_dir_all(directory.path().join("include/node")).unwrap();
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("yarn"), "").unwrap();
        std::fs::write(bin.join("node"), "").unwrap();
        std::fs::write(
            directory.path().join("package.json"),
            r#"{ "name": "yarn", "version": "1.2.3" }"#,
        )
        .unwrap();
        std::fs::write(
            directory.path().join("include/node/node_version.h"),
            "#define NODE_MAJOR_VERSION 22\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 0\n",
        )
        .unwrap();
        let manager = PackageManager::find(&root, Some(&bin.into()));
        assert!(
            manager
                .user_agent
                .starts_with("yarn/1.2.3 npm/? node/v22.1.0 linux"),
            "{}",
            manager.user_agent
        );
    }
}
