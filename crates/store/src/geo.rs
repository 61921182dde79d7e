//! Country and provider of an address, from databases in the MaxMind format (MaxMind DB File Format Specification 2.0).
//!
//! Promises: an address that is not known, and a record in another shape, are `None`; the file is read once into memory. The gateway
//! works without. Trusts the operator's file to be one, and refuses it at the start when it is not.

use crate::StoreError;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::Path;

/// One or several databases; the first that knows something tells it.
#[derive(Debug, Default)]
pub struct Geo {
    readers: Vec<maxminddb::Reader<Vec<u8>>>,
}

/// Where an address is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Two capital letters (ISO 3166-1).
    pub country: Option<[u8; 2]>,
    /// The autonomous system's number.
    pub system: Option<u32>,
}

#[derive(Deserialize)]
struct Record {
    country: Option<Country>,
    registered_country: Option<Country>,
    autonomous_system_number: Option<u32>,
}

#[derive(Deserialize)]
struct Country {
    iso_code: Option<String>,
}

impl Geo {
    /// Reads the databases.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, StoreError> {
        let mut readers = Vec::with_capacity(paths.len());
        for path in paths {
            let path = path.as_ref();
            let unusable = |error| StoreError::Unusable(format!("{}: {error}", path.display()));
            readers.push(maxminddb::Reader::open_readfile(path).map_err(unusable)?);
        }
        Ok(Self { readers })
    }

    /// What is known of an address.
    pub fn locate(&self, address: IpAddr) -> Located {
        let mut located = Located::default();
        for reader in &self.readers {
            let found = reader
                .lookup(address)
                .ok()
                .and_then(|found| found.decode::<Record>().ok().flatten());
            let Some(record) = found else {
                continue;
            };
            let country = record
                .country
                .or(record.registered_country)
                .and_then(|country| country.iso_code);
            located.country = located.country.or(country.as_deref().and_then(letters));
            located.system = located.system.or(record.autonomous_system_number);
        }
        located
    }
}

fn letters(code: &str) -> Option<[u8; 2]> {
    let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
    letters.iter().all(u8::is_ascii_uppercase).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_database_nothing_is_known() {
        let nothing = Geo::open::<&Path>(&[]).unwrap();
        assert_eq!(nothing.locate("192.0.2.1".parse().unwrap()), Located::default());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("geo.mmdb");
        std::fs::write(&path, b"no database").unwrap();
        assert!(Geo::open(&[&path]).is_err());
        assert_eq!(
            (letters("IT"), letters("it"), letters("ITA")),
            (Some(*b"IT"), None, None)
        );
    }
}
