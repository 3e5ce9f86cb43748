//! Reads JSON as people and scripts write it: broken, cut off, or as a JavaScript literal.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 100;

/// Most values read from one text.
const VALUES_MAX: usize = 400_000;

/// Reads the first value of a text. What is strict JSON is read as such; else comments, commas too many or too few, raw line breaks in
/// strings, single quotes, names without quotes and a missing end are passed over. `None` where no object or array begins.
pub(super) fn read(text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    // XHTML's wrapper, whose bracket is no array's.
    let text = text.find("<![CDATA[").filter(|at| *at < 64).map_or(text, |at| &text[at + 9..]);
    let start = text.find(['{', '['])?;
    literal(&text[start..], &HashMap::new()).map(|(value, _)| value)
}

/// Reads a JavaScript literal at the start of a text, with what names in it stand for; also returns how many bytes it took.
pub(super) fn literal(text: &str, names: &HashMap<String, Value>) -> Option<(Value, usize)> {
    let mut reader = Reader { text, at: 0, names, left: VALUES_MAX };
    let value = reader.value(0)?;
    Some((value, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    names: &'a HashMap<String, Value>,
    left: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len() - rest.trim_start().len();
            self.at += blank;
            let rest = &self.text[self.at..];
            let comment = if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else if rest.starts_with("//") || rest.starts_with("<!--") {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                0
            };
            if blank == 0 && comment == 0 {
                return;
            }
            self.at += comment;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            quote @ (b'"' | b'\'' | b'`') => Some(Value::String(self.string(quote))),
            _ => Some(self.word()),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = Map::new();
        loop {
            self.skip();
            match self.peek() {
                None => break,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                // The end of something around it: this one's own is missing.
                Some(b']') => break,
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let key = match self.peek() {
                Some(quote @ (b'"' | b'\'')) => self.string(quote),
                _ => self.name().to_owned(),
            };
            self.skip();
            if self.peek() == Some(b':') {
                self.at += 1;
                let Some(value) = self.value(depth + 1) else { break };
                map.insert(key, value);
            } else if key.is_empty() {
                self.step();
            }
        }
        Some(Value::Object(map))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut values = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                None => break,
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(b'}') => break,
                Some(b',') => self.at += 1,
                Some(_) => {
                    let before = self.at;
                    let Some(value) = self.value(depth + 1) else { break };
                    values.push(value);
                    if self.at == before {
                        self.step();
                    }
                }
            }
        }
        Some(Value::Array(values))
    }

    /// Over one character that means nothing here.
    fn step(&mut self) {
        self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
    }

    fn string(&mut self, quote: u8) -> String {
        self.at += 1;
        let mut out = String::new();
        let mut chars = self.text[self.at..].char_indices();
        let mut end = self.text.len() - self.at;
        while let Some((at, c)) = chars.next() {
            if c == char::from(quote) {
                end = at + 1;
                break;
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next().map(|(_, c)| c) {
                Some('n' | 'r') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('b' | 'f') => {}
                Some('u') => {
                    let mut unit = || {
                        let digits: String = chars.clone().take(4).map(|(_, c)| c).collect();
                        let value = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4)?;
                        chars.nth(3);
                        Some(value)
                    };
                    let mut units: Vec<u16> = unit().into_iter().collect();
                    if units.first().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) && chars.as_str().starts_with("\\u") {
                        chars.nth(1);
                        let digits: String = chars.clone().take(4).map(|(_, c)| c).collect();
                        if let Ok(value) = u16::from_str_radix(&digits, 16) {
                            units.push(value);
                            chars.nth(3);
                        }
                    }
                    out.push_str(&String::from_utf16_lossy(&units));
                }
                Some(other) => out.push(other),
                None => {}
            }
        }
        self.at += end;
        out
    }

    fn name(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-' | '+'))).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A number, `true`, `null`, `!0`, `void 0`, a name that stands for something, or a call, which is passed over.
    fn word(&mut self) -> Value {
        if self.peek() == Some(b'!') {
            self.at += 1;
            return match self.name() {
                "0" => Value::Bool(true),
                _ => Value::Bool(false),
            };
        }
        let word = self.name().to_owned();
        match word.as_str() {
            "true" => return Value::Bool(true),
            "false" => return Value::Bool(false),
            "void" | "new" => {
                self.skip();
                let name = self.name().to_owned();
                return if name == "Date" { self.call().unwrap_or(Value::Null) } else { Value::Null };
            }
            "" => {
                // `(` and other signs of scripts.
                self.step();
                return Value::Null;
            }
            _ => {}
        }
        if let Some(value) = self.names.get(&word) {
            return value.clone();
        }
        if let Ok(number) = word.parse::<i64>() {
            return Value::Number(number.into());
        }
        if let Some(number) = word.parse::<f64>().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
        Value::Null
    }

    /// The only argument of a call, `(x)`.
    fn call(&mut self) -> Option<Value> {
        self.skip();
        if self.peek()? != b'(' {
            return None;
        }
        self.at += 1;
        self.skip();
        let value = match self.peek()? {
            quote @ (b'"' | b'\'') => Value::String(self.string(quote)),
            _ => self.word(),
        };
        self.skip();
        if self.peek() == Some(b')') {
            self.at += 1;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn broken_json_is_read() {
        for (text, wanted) in [
            (r#"{"a": 1}"#, json!({"a": 1})),
            ("{\"a\": \"x\ny\", \"b\": [1, 2,],}", json!({"a": "x\ny", "b": [1, 2]})),
            ("// <![CDATA[\n{\"a\": 'x'} // ]]>", json!({"a": "x"})),
            ("<!-- \n[{a:!0,b:void 0,c:-1.5}] -->;", json!([{"a": true, "b": null, "c": -1.5}])),
            (r#"{"a": {"b": "cut o"#, json!({"a": {"b": "cut o"}})),
            (r#"{"a": "x" "b": "y"}"#, json!({"a": "x", "b": "y"})),
            (r#"{"a": [1, {"b": 2], "c": 3}"#, json!({"a": [1, {"b": 2}], "c": 3})),
            (r#"{'a': "\u00e4\ud83d\ude00\x\/"}"#, json!({"a": "ä😀x/"})),
            ("{\"a\": 1};window.x = 2", json!({"a": 1})),
            ("{d: new Date(\"2025-01-02\"), n: name}", json!({"d": "2025-01-02", "n": null})),
        ] {
            assert_eq!(read(text), Some(wanted), "{text}");
        }
        assert_eq!(read("var x = 1"), None);
    }

    #[test]
    fn nesting_ends() {
        assert!(read(&"[".repeat(100_000)).is_some());
        assert!(read(&"{a:".repeat(100_000)).is_some());
    }

    proptest! {
        #[test]
        fn whatever_is_json_is_read_as_json(text in "\\PC{0,40}", number: i32, flag: bool) {
            let value = json!({"a": [text, number, flag, null], text.clone(): {"b": text.clone()}});
            prop_assert_eq!(literal(&value.to_string(), &HashMap::new()).map(|(value, _)| value), Some(value));
        }

        #[test]
        fn anything_is_survived(text in "[\\[\\]{}:,\"'a-c0-9!/* \n\\\\u-]{0,200}") {
            let _ = read(&text);
        }
    }
}
