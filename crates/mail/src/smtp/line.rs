//! Command lines as the server reads them: strict CRLF, bounded. A bare LF or CR is an attack (SMTP smuggling) and ends the
//! session (RFC 5321 §2.3.8).

/// A line that cannot be a command. The peer caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// LF without CR before it.
    #[error("a bare LF is not a line end")]
    BareLf,
    /// CR without LF behind it.
    #[error("a bare CR is not a line end")]
    BareCr,
    /// Over the bound.
    #[error("the line is too long")]
    TooLong,
    /// An octet 0.
    #[error("the line has a NUL")]
    Nul,
}

/// Finds the first line in `buffer`. `Ok(Some(n))`: the line is `buffer[..n]`, followed by CRLF (`n + 2` octets to consume).
/// `Ok(None)`: not complete yet, and shorter than `line_octets_max` (which counts the CRLF).
pub fn find_line(_buffer: &[u8], _line_octets_max: usize) -> Result<Option<usize>, LineError> {
    todo!()
}
