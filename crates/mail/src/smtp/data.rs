//! Message data between 354 and the final dot: one strict reader for accepting and discarding, and one writer for sending
//! (RFC 5321 §4.5.2, §4.1.1.4). The only end of data is CRLF.CRLF.

/// Bounds of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLimits {
    /// Octets of the message, dot-stuffing removed.
    pub size_octets_max: u64,
    /// Octets of a line without CRLF; RFC 5321 §4.5.3.1.6 says 998.
    pub line_octets_max: usize,
}

/// What makes a message unacceptable. It is remembered, the data is read to its strict end, then the refusal is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataDefect {
    /// LF without CR before it.
    #[error("a bare LF in the message")]
    BareLf,
    /// CR without LF behind it.
    #[error("a bare CR in the message")]
    BareCr,
    /// An octet 0.
    #[error("a NUL in the message")]
    Nul,
    /// Over `line_octets_max`.
    #[error("a line is too long")]
    LineTooLong,
    /// Over `size_octets_max`.
    #[error("the message is too big")]
    TooBig,
}

/// Result of one [`DataReader::feed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Octets of the input used. When `done`, what follows belongs to the next command.
    pub consumed: usize,
    /// CRLF.CRLF was seen.
    pub done: bool,
}

/// Reads DATA: removes dot-stuffing, checks lines, finds the end. Appends nothing more once a defect is known.
#[derive(Debug)]
pub struct DataReader {
    #[expect(dead_code, reason = "filled by the reader")]
    limits: DataLimits,
}

impl DataReader {
    /// A reader at the start of a message (behind the CRLF of the DATA command).
    pub fn new(limits: DataLimits) -> Self {
        Self { limits }
    }

    /// Takes the next octets of the stream; appends message octets to `message`.
    pub fn feed(&mut self, _input: &[u8], _message: &mut Vec<u8>) -> Fed {
        todo!()
    }

    /// The first defect found, if any.
    pub fn defect(&self) -> Option<DataDefect> {
        todo!()
    }
}

/// The same line checks for BDAT chunks (RFC 3030), which have no dots: call for each chunk, then [`ChunkChecker::finish`].
#[derive(Debug)]
pub struct ChunkChecker {
    #[expect(dead_code, reason = "filled by the checker")]
    limits: DataLimits,
}

impl ChunkChecker {
    /// A checker at the start of a message.
    pub fn new(limits: DataLimits) -> Self {
        Self { limits }
    }

    /// Checks the octets; appends them to `message` unless a defect is known.
    pub fn feed(&mut self, _input: &[u8], _message: &mut Vec<u8>) {
        todo!()
    }

    /// The first defect found; a message whose last line has no CRLF gets one appended.
    pub fn finish(self, _message: &mut Vec<u8>) -> Option<DataDefect> {
        todo!()
    }
}

/// Appends `message` to `out` dot-stuffed and ended by CRLF.CRLF; adds the last CRLF if it is missing.
pub fn write_data(_message: &[u8], _out: &mut Vec<u8>) {
    todo!()
}
