//! People: a name and an address out of one string, or out of elements.

use super::markup::stripped;
use super::scope::Scope;
use super::tree::{Id, Tree};
use crate::entry::Person;

/// A person written as one string: `name`, `e-mail`, `e-mail (name)`, `name <e-mail>`, `name (e-mail)`.
pub(super) fn parse(text: &str) -> Option<Person> {
    let text = stripped(text);
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some((from, to)) = address(text) else {
        let name = unbracketed(text);
        return (!name.is_empty()).then(|| Person { name: Some(name.to_owned()), ..Person::default() });
    };
    let email = text[from..to].to_owned();
    let before = text[..from].trim().trim_end_matches("mailto:").trim_end_matches(['(', '<', '[', '"']);
    let after = text[to..].trim_start_matches([')', '>', ']', '"']);
    let name = format!("{} {}", before.trim(), after.trim());
    let name = unbracketed(name.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '-' | ':')));
    Some(Person { name: (!name.is_empty()).then(|| name.to_owned()), email: Some(email), ..Person::default() })
}

/// Where the first e-mail address stands. Both ends are ASCII, so the slices beside it are whole characters.
fn address(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    // The second and later signs are looked at too, but not without end.
    memchr::memchr_iter(b'@', bytes).take(8).find_map(|at| {
        let local = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'');
        let before = bytes[..at].iter().rev().take(64).take_while(local).count();
        let after = bytes[at + 1..].iter().take(255).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')).count();
        let host = text[at + 1..at + 1 + after].trim_end_matches(['.', '-']);
        (before > 0 && host.len() > 1).then_some((at - before, at + 1 + host.len()))
    })
}

/// A name without the brackets or quotes that stand around all of it.
fn unbracketed(name: &str) -> &str {
    let mut name = name.trim();
    for (open, close) in [('(', ')'), ('<', '>'), ('[', ']'), ('"', '"'), ('（', '）')] {
        if let Some(inner) = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).filter(|inner| !inner.contains(open)) {
            name = inner.trim();
        }
    }
    name
}

/// A person construct of Atom (RFC 4287 section 3.2; 0.3: `url`; `homepage` seen), or one string where there are no elements.
pub(super) fn construct(tree: &Tree<'_>, id: Id, scope: &Scope<'_>) -> Option<Person> {
    let mut person = Person::default();
    let mut known = false;
    for child in tree.elements(id) {
        let slot = match tree.node(child).local().to_ascii_lowercase().as_str() {
            "name" => &mut person.name,
            "email" => &mut person.email,
            "uri" | "url" | "homepage" => &mut person.uri,
            _ => continue,
        };
        known = true;
        if slot.is_none() {
            *slot = tree.filled(child);
        }
    }
    if !known {
        return parse(&tree.text(id));
    }
    person.uri = person.uri.and_then(|uri| scope.address(&uri));
    person.email = person.email.map(|email| email.trim_start_matches("mailto:").trim().to_owned());
    person.name = person.name.map(|name| stripped(&name).into_owned());
    // `<name>me@example.org (Me)</name>` says more than a name.
    if person.email.is_none()
        && let Some(parsed) =
            person.name.as_deref().filter(|name| name.contains('@')).and_then(parse).filter(|parsed| parsed.email.is_some())
    {
        person.name = parsed.name;
        person.email = parsed.email;
    }
    (person.name.is_some() || person.email.is_some() || person.uri.is_some()).then_some(person)
}
