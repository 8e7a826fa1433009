//! Tools that are native programs, or a native library in Node: TypeScript 7, Oxlint, Biome, Rspack and
//! Lightning CSS. They make calls of their own, on many threads at once.

use crate::six_steps::{Script, rarer, six_steps, six_steps_of_comparing};

const EDIT: (&str, &str) = ("src/depth.ts", "export const shallow = 2;\n");

/// The scripts of the package.
const SCRIPTS: [Script<'_>; 7] = [
    Script {
        name: "build",
        outputs: &["dist"],
        edit: EDIT,
        says: "",
    },
    Script {
        name: "check",
        outputs: &[],
        edit: EDIT,
        says: "",
    },
    Script {
        name: "incremental",
        outputs: &["out"],
        edit: EDIT,
        says: "",
    },
    Script {
        name: "lint",
        outputs: &[],
        edit: EDIT,
        says: "Found 0 warnings and 0 errors",
    },
    Script {
        name: "style",
        outputs: &[],
        edit: EDIT,
        says: "Checked 3 files",
    },
    Script {
        name: "bundle",
        outputs: &["site"],
        edit: ("src/main.ts", "console.log(2);\n"),
        says: "compiled successfully",
    },
    Script {
        name: "sheet",
        outputs: &["css"],
        edit: ("src/page.css", "p { margin: 0 }\n"),
        says: "",
    },
];

#[test]
fn native_tools_take_their_steps() {
    for script in SCRIPTS {
        let Some(sandbox) = rarer("native") else {
            return;
        };
        match script.name {
            "incremental" => six_steps_of_comparing(&sandbox, &script),
            _ => six_steps(&sandbox, &script),
        }
    }
}
