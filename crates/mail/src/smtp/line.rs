//! Command lines as the server reads them: strict CRLF, bounded. A bare LF or CR is an attack (SMTP smuggling) and ends the
//! session (RFC 5321 §2.3.8).
//!
//! Promises: looks at no octet behind `line_octets_max`, allocates nothing.

use memchr::memchr3;

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
pub fn find_line(buffer: &[u8], line_octets_max: usize) -> Result<Option<usize>, LineError> {
    let window = &buffer[..buffer.len().min(line_octets_max)];
    let full = window.len() == line_octets_max;
    let Some(index) = memchr3(b'\r', b'\n', 0, window) else {
        return if full { Err(LineError::TooLong) } else { Ok(None) };
    };
    match (window[index], window.get(index + 1)) {
        (b'\n', _) => Err(LineError::BareLf),
        (0, _) => Err(LineError::Nul),
        (_, Some(b'\n')) => Ok(Some(index)),
        (_, Some(_)) => Err(LineError::BareCr),
        (_, None) if full => Err(LineError::TooLong),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(buffer: &[u8], max: usize, expected: Result<Option<usize>, LineError>) {
        assert_eq!(find_line(buffer, max), expected, "{buffer:?} with at most {max}");
    }

    #[test]
    fn lines() {
        check(b"", 512, Ok(None));
        check(b"NOOP", 512, Ok(None));
        check(b"NOOP\r", 512, Ok(None));
        check(b"NOOP\r\n", 512, Ok(Some(4)));
        check(b"\r\n", 512, Ok(Some(0)));
        check(b"NOOP\r\nQUIT\n", 512, Ok(Some(4)));
        check(b"\xff\xc3\r\n", 512, Ok(Some(2)));
    }

    #[test]
    fn line_ends_that_are_none() {
        check(b"NOOP\n", 512, Err(LineError::BareLf));
        check(b"\n\r\n", 512, Err(LineError::BareLf));
        check(b"NOOP\rQUIT\r\n", 512, Err(LineError::BareCr));
        check(b"NOOP\r\r\n", 512, Err(LineError::BareCr));
        check(b"NO\0OP\r\n", 512, Err(LineError::Nul));
        check(b"NOOP\r\0", 512, Err(LineError::BareCr));
    }

    #[test]
    fn bounds() {
        check(b"NOOP\r\n", 6, Ok(Some(4)));
        check(b"NOOP\r\n", 5, Err(LineError::TooLong));
        check(b"NOOP\r", 5, Err(LineError::TooLong));
        check(b"NOOP\r", 6, Ok(None));
        check(b"NOOPX\n", 5, Err(LineError::TooLong));
        check(b"", 0, Err(LineError::TooLong));
    }
}
