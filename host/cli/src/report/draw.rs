//! A graph of tasks as text: for Graphviz, for Mermaid, as JSON. The picture is in `svg`.

mod svg;

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::json;

use crate::error::Error;

/// A graph of tasks or steps.
#[derive(Default, Debug)]
pub(crate) struct Drawing {
    pub(crate) nodes: Vec<Node>,
    /// Pairs of nodes: the first one waits for the second.
    pub(crate) edges: Vec<(usize, usize)>,
}

/// A task or a step.
#[derive(Debug)]
pub(crate) struct Node {
    /// Unique in the drawing.
    pub(crate) label: String,
    pub(crate) package: String,
    pub(crate) task: String,
    pub(crate) command: String,
    pub(crate) directory: String,
    /// Whether its result may come from the cache.
    pub(crate) cached: bool,
}

impl Drawing {
    /// For Graphviz.
    pub(crate) fn dot(&self) -> String {
        let quoted = |text: &str| {
            let text = text.replace('\\', r"\\").replace('"', "\\\"");
            format!("\"{}\"", text.replace('\n', r"\n"))
        };
        let mut text = String::from("digraph tasks {\n  rankdir=RL\n  node [shape=box]\n");
        let labels: Vec<String> = self.nodes.iter().map(|node| quoted(&node.label)).collect();
        for (node, label) in self.nodes.iter().zip(&labels) {
            let command = quoted(&node.command);
            let style = if node.cached { "" } else { " style=dashed" };
            let _ = writeln!(text, "  {label} [tooltip={command}{style}]");
        }
        for (waits, before) in &self.edges {
            let _ = writeln!(text, "  {} -> {}", labels[*waits], labels[*before]);
        }
        text + "}\n"
    }

    /// For Mermaid.
    pub(crate) fn mermaid(&self) -> String {
        let mut text = String::from("flowchart RL\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let label = node.label.replace('#', "#35;").replace('"', "#quot;");
            let _ = writeln!(text, "  n{index}[\"{label}\"]");
        }
        for (waits, before) in &self.edges {
            let _ = writeln!(text, "  n{waits} --> n{before}");
        }
        text
    }

    /// Nodes and edges.
    pub(crate) fn json(&self) -> String {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                json!({
                    "id": node.label,
                    "package": node.package,
                    "task": node.task,
                    "command": node.command,
                    "cwd": node.directory,
                    "mayBeCached": node.cached,
                })
            })
            .collect();
        let name = |index: usize| &self.nodes[index].label;
        let edges: Vec<_> = self
            .edges
            .iter()
            .map(|(waits, before)| json!({ "from": name(*waits), "to": name(*before) }))
            .collect();
        let all = json!({ "version": 1, "nodes": nodes, "edges": edges });
        format!("{all:#}\n")
    }
}

/// Writes a whole text to standard output. A reader that has seen enough is no mistake.
pub(crate) fn page(text: &[u8]) -> Result<i32, Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Write("standard output".into(), error))
        }
        _ => Ok(0),
    }
}
