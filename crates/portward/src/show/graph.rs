//! Who talks to whom, drawn as lines, for Graphviz or for Mermaid.

use std::io;

use portward_ops::{
    Document,
    op::graph::{Edge, Format, Node, Talk},
    write_json,
};

use super::Show;
use crate::screen::Screen;

impl Show for Talk {
    fn show(&self, screen: &mut Screen) -> io::Result<()> {
        match self.format {
            Format::Text => text(self, screen),
            Format::Json => {
                write_json(&Document::new(self), screen.out())?;
                screen.line("")
            }
            Format::Dot => dot(self, screen),
            Format::Mermaid => mermaid(self, screen),
        }
    }
}

fn text(talk: &Talk, screen: &mut Screen) -> io::Result<()> {
    if talk.edges.is_empty() {
        screen.line("No program here is connected to another.")?;
    }
    let name = |id: usize| talk.nodes.get(id).map(label).unwrap_or_default();
    let from_width = talk.edges.iter().map(|edge| name(edge.from).chars().count()).max().unwrap_or(0);
    for edge in &talk.edges {
        let from = name(edge.from);
        let why = talk.nodes.get(edge.to).and_then(|node| node.why.as_ref()).map(|why| format!("  {why}")).unwrap_or_default();
        screen.line(&format!("{from:<from_width$} --{}--> {}{why}", line_label(edge), name(edge.to)))?;
    }
    super::gaps(screen, &talk.gaps)
}

fn label(node: &Node) -> String {
    node.pid.map_or_else(|| node.name.clone(), |pid| format!("{} {pid}", node.name))
}

fn line_label(edge: &Edge) -> String {
    let place = match (&edge.path, edge.port) {
        (Some(path), _) => path.clone(),
        (None, Some(port)) if edge.transport == portward_model::Transport::Udp => format!("{port}/udp"),
        (None, Some(port)) => port.to_string(),
        (None, None) => "unix".to_owned(),
    };
    if edge.connections == 1 { place } else { format!("{place} x{}", edge.connections) }
}

fn dot(talk: &Talk, screen: &mut Screen) -> io::Result<()> {
    // A string of the DOT language ends at a quote; backslashes begin escapes.
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    ["digraph portward {", "  rankdir=LR;", "  node [shape=box];"].into_iter().try_for_each(|line| screen.line(line))?;
    for node in &talk.nodes {
        let style = if node.remote { ", style=dashed" } else { "" };
        screen.line(&format!("  n{} [label={}{style}];", node.id, quoted(&label(node))))?;
    }
    for edge in &talk.edges {
        screen.line(&format!("  n{} -> n{} [label={}];", edge.from, edge.to, quoted(&line_label(edge))))?;
    }
    screen.line("}")
}

fn mermaid(talk: &Talk, screen: &mut Screen) -> io::Result<()> {
    // Mermaid reads markup inside quotes; everything but letters, digits and a few signs becomes an entity.
    let quoted = |text: &str| {
        let escape = |c: char| {
            if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '/' | ':' | '@' | ',') {
                c.to_string()
            } else {
                format!("#{};", u32::from(c))
            }
        };
        format!("\"{}\"", text.chars().map(escape).collect::<String>())
    };
    screen.line("flowchart LR")?;
    for node in &talk.nodes {
        screen.line(&format!("  n{}[{}]", node.id, quoted(&label(node))))?;
    }
    for edge in &talk.edges {
        screen.line(&format!("  n{} -->|{}| n{}", edge.from, quoted(&line_label(edge)), edge.to))?;
    }
    Ok(())
}
