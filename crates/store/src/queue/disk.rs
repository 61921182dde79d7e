//! The few things the log asks of a disk, so that everything above can be run on one that fails on purpose.
//!
//! Promises: [`Folder`] asks the file system through the C library's ordinary calls; nothing is retried here and no error is
//! hidden. Trusts `fdatasync` and `fsync` of a directory to mean what POSIX says.

use rustix::fs::FallocateFlags;
use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of files that are only ever appended to.
pub trait Disk: Send + Sync + Debug {
    /// Names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a file that must not exist, with room for that many octets set aside. It reads as zeros there.
    fn create(&self, name: &str, octets: u64) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file for reading and truncating.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Handles that are open keep reading.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names that were created, renamed or removed durable.
    fn sync_names(&self) -> io::Result<()>;
    /// Octets that may still be used on the file system.
    fn free_octets(&self) -> io::Result<u64>;
}

/// One file.
pub trait DiskFile: Send + Sync + Debug {
    /// Writes behind what was written before; may take less than all. Only one thread appends to a file.
    fn append(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Reads at a place; may give less than asked for, 0 is the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Makes all that was appended durable. After an error nothing is known of what was appended since the last success.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, octets: u64) -> io::Result<()>;
    /// Its length, room set aside included.
    fn octets(&self) -> io::Result<u64>;
}

/// Reads exactly; an end before that is [`io::ErrorKind::UnexpectedEof`].
pub(super) fn read_exactly(file: &dyn DiskFile, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                buffer = buffer.get_mut(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A folder of the real file system.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: File,
    read_only: bool,
}

impl Folder {
    /// Opens the folder; makes it when missing, and its name durable.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            std::fs::create_dir_all(path)?;
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(Self {
            read_only: false,
            ..Self::open_to_read(path)?
        })
    }

    /// Opens a folder that exists; its files cannot be changed.
    pub fn open_to_read(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            handle: File::open(path)?,
            read_only: true,
        })
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, octets: u64) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path.join(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, octets) {
            // A file system without it: writes find out by themselves whether there is room.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                Ok(Arc::new(RealFile(file)))
            }
            Err(error) => {
                std::fs::remove_file(&path)?;
                Err(error.into())
            }
        }
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(
            OpenOptions::new()
                .read(true)
                .write(!self.read_only)
                .open(self.path.join(name))?,
        )))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn free_octets(&self) -> io::Result<u64> {
        let facts = rustix::fs::fstatvfs(&self.handle)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn append(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    /// A file system that is shut down (by itself after an error, or by its administrator) while a sync runs may answer Ok though
    /// nothing was written; ext4 does. It refuses to read from then on, so one octet is read before the answer is believed.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()?;
        self.0.read_at(&mut [0], 0).map(|_| ())
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.0.set_len(octets)
    }

    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// True when an error means "no room" and not "broken".
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
