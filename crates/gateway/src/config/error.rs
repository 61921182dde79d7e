//! What can be wrong with a configuration, told so that it can be mended: file, line, key, nearest known key.

use std::path::{Path, PathBuf};

/// Errors of the configuration. The operator caused all of them.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Unreadable(PathBuf, std::io::Error),
    /// Not TOML, a wrong type, or an unknown key.
    #[error("{path}: {text}", path = .0.display(), text = .1)]
    Text(PathBuf, String),
    /// A value that cannot be used; names the key.
    #[error("{key}: {why}")]
    Value {
        /// For example `ingress.listener[0].address`.
        key: String,
        /// Why not.
        why: String,
    },
}

impl ConfigError {
    /// A bad value.
    pub fn value(key: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Value {
            key: key.into(),
            why: why.to_string(),
        }
    }

    pub(super) fn bad_text(path: &Path, error: &toml::de::Error) -> Self {
        let mut text = error.to_string();
        if let Some(nearest) = nearest_known(error.message()) {
            text.push_str(&format!("did you mean `{nearest}`?\n"));
        }
        Self::Text(path.to_owned(), text)
    }
}

/// From "unknown field `x`, expected one of `a`, `b`": the known name nearest to x, if it is near.
fn nearest_known(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.contains("unknown field").then(|| quoted.next())??;
    let scored = quoted.map(|known| (strsim::damerau_levenshtein(unknown, known), known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= unknown.len().max(3) / 2).then(|| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        let rows = [
            ("hostnam = \"x\"", "did you mean `hostname`?"),
            ("[ingress]\nlistner = []", "did you mean `listener`?"),
            ("[store]\ndirectori = \"x\"", "did you mean `directory`?"),
        ];
        for (text, expected) in rows {
            let error = crate::config::Config::parse(text, Path::new("dogana.toml"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(error.contains("line"), "{error}");
        }
    }
}
