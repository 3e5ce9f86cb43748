//! A tree written out again as well-formed XML, for another reader.

use super::name::Ns;
use super::tree::{Attribute, Id, Kind, Tree, quick_escape};

/// Writes a subtree with known prefixes only. Elements of unknown vocabularies are left out, and what is known to make `feed-rs` refuse a
/// whole feed is made usual: versions, types, empty texts of media.
pub(super) fn well_formed(tree: &Tree<'_>, root: Id) -> String {
    let mut out = String::with_capacity(tree.len() * 24);
    let mut open: Vec<(Id, String)> = Vec::new();
    let core = tree.node(root).ns;
    let mut id = root;
    let end = tree.end(root);
    while id < end {
        while open.last().is_some_and(|(until, _)| id >= *until) {
            close(&mut out, &mut open);
        }
        let node = tree.node(id);
        if node.kind != Kind::Element {
            quick_escape(&mut out, &tree.characters(id));
            id += 1;
            continue;
        }
        let own = matches!(node.ns, Ns::None | Ns::Rss) || node.ns == core;
        let empty_media = node.ns == Ns::Media && matches!(node.local(), "title" | "description") && tree.text(id).is_empty();
        if !is_name(node.local()) || empty_media || (!own && node.ns.canonical().is_none()) {
            id = tree.end(id);
            continue;
        }
        let local = if id == root { root_name(node.local()) } else { node.local() };
        let prefix = if own && core != Ns::Rdf { None } else { node.ns.canonical() };
        let name = prefix.map_or_else(|| local.to_owned(), |(prefix, _)| format!("{prefix}:{local}"));
        out.push('<');
        out.push_str(&name);
        if id == root {
            declare(&mut out, core, local);
        }
        attributes(&mut out, tree, id, root);
        out.push('>');
        open.push((tree.end(id), name));
        id += 1;
    }
    while !open.is_empty() {
        close(&mut out, &mut open);
    }
    out
}

fn is_name(local: &str) -> bool {
    let valid = |(at, b): (usize, u8)| b.is_ascii_alphabetic() || b == b'_' || (at > 0 && (b.is_ascii_digit() || b == b'-' || b == b'.'));
    !local.is_empty() && local.bytes().enumerate().all(valid)
}

fn root_name(local: &str) -> &str {
    ["rss", "feed", "RDF"].into_iter().find(|name| name.eq_ignore_ascii_case(local)).unwrap_or(local)
}

fn attributes(out: &mut String, tree: &Tree<'_>, id: Id, root: Id) {
    let mut seen: Vec<&str> = Vec::new();
    for attribute in tree.attributes(id) {
        let name = attribute.name;
        let known = name.bytes().all(|b| b.is_ascii_alphabetic()) || ["xml:base", "xml:lang", "rdf:about", "rdf:resource"].contains(&name);
        if !known
            || name.starts_with("xmlns")
            || seen.contains(&name)
            || (id == root && name == "version")
            || is_odd_type(tree, id, attribute)
        {
            continue;
        }
        seen.push(name);
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        quick_escape(out, &tree.value(attribute));
        out.push('"');
    }
}

/// Whether this is a text's type that Atom 1.0 does not know.
fn is_odd_type(tree: &Tree<'_>, id: Id, attribute: &Attribute<'_>) -> bool {
    let node = tree.node(id);
    let text = ["title", "subtitle", "summary", "rights", "content", "description"].contains(&node.local());
    text && attribute.name == "type" && !matches!(&*tree.value(attribute), "text" | "html" | "xhtml") && tree.attribute(id, "url").is_none()
}

fn close(out: &mut String, open: &mut Vec<(Id, String)>) {
    if let Some((_, name)) = open.pop() {
        out.push_str("</");
        out.push_str(&name);
        out.push('>');
    }
}

fn declare(out: &mut String, core: Ns, local: &str) {
    match local {
        "rss" => out.push_str(" version=\"2.0\""),
        "feed" => out.push_str(" xmlns=\"http://www.w3.org/2005/Atom\""),
        "RDF" => out.push_str(" xmlns=\"http://purl.org/rss/1.0/\""),
        _ => {}
    }
    for ns in [Ns::Dc, Ns::DcTerms, Ns::Content, Ns::Itunes, Ns::Media, Ns::Rdf, Ns::Atom, Ns::Xhtml] {
        if let Some((prefix, uri)) = ns.canonical().filter(|_| ns != core || core == Ns::Rdf) {
            out.push_str(&format!(" xmlns:{prefix}=\"{uri}\""));
        }
    }
}
