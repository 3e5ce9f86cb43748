//! What the environment says: for containers and service managers, where a command line is no place for settings.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use super::LogFormat;
use crate::config::Site;
use crate::io::file;

/// Every variable, with what it stands for; `--help` shows them.
pub(super) const HELP: &str =
    "Environment, where the command line says nothing (with _FILE at its end each names a file that holds the value):
  TOPICWIRE_CONFIG      the configuration
  TOPICWIRE_LISTEN      [site] listen
  TOPICWIRE_BASE_URL    [site] base_url
  TOPICWIRE_STORE       [site] store
  TOPICWIRE_OUTPUT      [site] output
  TOPICWIRE_OVERRIDES   [site] overrides
  TOPICWIRE_LOG_LEVEL   error, warn, info, debug or trace
  TOPICWIRE_LOG_FORMAT  text or json";

/// The values of the variables that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) config: Option<PathBuf>,
    pub(super) listen: Option<SocketAddr>,
    base_url: Option<Url>,
    store: Option<PathBuf>,
    output: Option<PathBuf>,
    pub(super) overrides: Option<PathBuf>,
    pub(super) log_level: Option<tracing::level_filters::LevelFilter>,
    pub(super) log_format: Option<LogFormat>,
}

impl Environment {
    /// Reads the variables through `get`. What cannot be used is told by its name, without its value: it may be a secret.
    pub(super) fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let text = |name: &str| value(&get, name);
        let parsed = |name: &str, wanted: &str| format!("TOPICWIRE_{name} is not {wanted}");
        let listen = text("LISTEN")?.map(|text| text.replacen("localhost:", "127.0.0.1:", 1).parse()).transpose();
        let base_url = text("BASE_URL")?
            .map(|text| base_url(&text).ok_or_else(|| parsed("BASE_URL", "an address such as https://feeds.example.org/")));
        let log_level = text("LOG_LEVEL")?.map(|text| text.parse()).transpose();
        let log_format = text("LOG_FORMAT")?.map(|text| match text.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(parsed("LOG_FORMAT", "text or json")),
        });
        Ok(Self {
            config: text("CONFIG")?.map(PathBuf::from),
            listen: listen.map_err(|_| parsed("LISTEN", "an IP address and a port, such as 0.0.0.0:8080"))?,
            base_url: base_url.transpose()?,
            store: text("STORE")?.map(PathBuf::from),
            output: text("OUTPUT")?.map(PathBuf::from),
            overrides: text("OVERRIDES")?.map(PathBuf::from),
            log_level: log_level.map_err(|_| parsed("LOG_LEVEL", "error, warn, info, debug or trace"))?,
            log_format: log_format.transpose()?,
        })
    }

    /// Puts what the environment says in the place of what the configuration says.
    pub(super) fn apply(&self, site: &mut Site) {
        if let Some(listen) = self.listen {
            site.listen = listen;
        }
        if let Some(base_url) = &self.base_url {
            site.base_url = base_url.clone();
        }
        if let Some(store) = &self.store {
            site.store.clone_from(store);
        }
        if let Some(output) = &self.output {
            site.output.clone_from(output);
        }
    }
}

/// The variable's value, or the contents of the file that its `_FILE` form names, without the line's end.
fn value(get: impl Fn(&str) -> Option<OsString>, name: &str) -> Result<Option<String>, String> {
    let name = format!("TOPICWIRE_{name}");
    let own = get(&name).filter(|value| !value.is_empty());
    let path = get(&format!("{name}_FILE")).filter(|value| !value.is_empty());
    match (own, path) {
        (Some(_), Some(_)) => Err(format!("{name} and {name}_FILE are both set: set one of them")),
        (Some(value), None) => value.into_string().map(Some).map_err(|_| format!("{name} is no UTF-8")),
        (None, Some(path)) => {
            let path = PathBuf::from(path);
            let bytes = file::read(&path).map_err(|error| format!("{name}_FILE: {}: {error}", path.display()))?;
            let text = String::from_utf8(bytes).map_err(|_| format!("{name}_FILE: {} is no UTF-8", path.display()))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

/// As the configuration reads it: a web address without credentials, query or fragment, whose path ends with a slash.
fn base_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let is_fit = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && (url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none());
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    is_fit.then_some(url)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test writes the file that a variable names")]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Environment, String> {
        Environment::read(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn values_come_from_variables_or_from_the_files_that_they_name() {
        assert_eq!(read(&[("TOPICWIRE_LISTEN", "")]).unwrap(), Environment::default());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("base");
        std::fs::write(&path, "https://wire.example/feeds\n").unwrap();
        let environment = read(&[
            ("TOPICWIRE_LISTEN", "0.0.0.0:80"),
            ("TOPICWIRE_BASE_URL_FILE", path.to_str().unwrap()),
            ("TOPICWIRE_STORE", "/data/wire.db"),
            ("TOPICWIRE_LOG_LEVEL", "warn"),
            ("TOPICWIRE_LOG_FORMAT", "json"),
        ])
        .unwrap();
        let text = "[site]\ntitle = \"T\"\nbase_url = \"https://t.example/\"\n[[source]]\nid = \"s\"\nurl = \"https://s.example/\"\n";
        let mut site = crate::config::check(std::path::Path::new("f"), text).unwrap();
        environment.apply(&mut site);
        assert_eq!((site.listen.to_string().as_str(), site.base_url.as_str()), ("0.0.0.0:80", "https://wire.example/feeds/"));
        assert_eq!((site.store, site.output), (PathBuf::from("/data/wire.db"), PathBuf::from("output")));
        assert_eq!(environment.log_format, Some(LogFormat::Json));
        assert_eq!(environment.log_level, Some(tracing::level_filters::LevelFilter::WARN));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_its_value() {
        for (name, value) in [
            ("TOPICWIRE_LISTEN", "hush"),
            ("TOPICWIRE_BASE_URL", "hush"),
            ("TOPICWIRE_BASE_URL", "https://hush:hush@wire.example/"),
            ("TOPICWIRE_LOG_LEVEL", "hush"),
            ("TOPICWIRE_LOG_FORMAT", "hush"),
            ("TOPICWIRE_LISTEN_FILE", "/nowhere/at/all"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && !error.contains("hush"), "{error}");
        }
        assert!(read(&[("TOPICWIRE_STORE", "a"), ("TOPICWIRE_STORE_FILE", "b")]).unwrap_err().contains("both set"));
    }
}
