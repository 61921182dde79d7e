//! Password hashes: argon2id of our own, and those that mail hosts already have (`$6$`, `$5$`, `$2y$`, `$argon2id$`, `{SSHA512}`,
//! `{SHA512-CRYPT}`, `{SHA256-CRYPT}`, `{BLF-CRYPT}`, `{ARGON2ID}`, `{CRYPT}`); plain text is refused.
