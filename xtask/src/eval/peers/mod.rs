//! Real filters from Debian's packages, each started privately with an empty memory, without network, without learning by itself.

pub mod bogofilter;
pub mod rspamd;
pub mod spamassassin;

use anyhow::Result;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder for a data base that need not survive: in memory where there is such a place, since a sync for each message is no part
/// of what is measured.
fn memory_folder(name: &str) -> Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let in_memory = PathBuf::from("/dev/shm");
    let place = if in_memory.is_dir() {
        in_memory
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::Builder::new()
        .prefix(&format!("dogana-{name}-"))
        .tempdir_in(place)?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
    Ok(folder)
}
