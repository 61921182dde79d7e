//! Message data: the result does not depend on how the stream is cut, the limits hold, what is written is read back.
//!
//! First line: size limit, line limit, piece size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail::smtp::data::{ChunkChecker, DataDefect, DataLimits, DataReader, write_data};

type Read = (Vec<u8>, Option<DataDefect>, Option<usize>);

fuzz_target!(|input: &[u8]| {
    let (mut figures, stream) = fuzz::figures(input);
    let limits = DataLimits {
        size_octets_max: figures.take(1 << 20) % (1 << 20),
        line_octets_max: usize::try_from(figures.take(998) % 2_000).unwrap_or_default(),
    };
    let piece_octets = figures.take(1_000);

    let whole = read(&[stream], limits);
    let chunk = check(&[stream], limits);
    for pieces in fuzz::cuts(stream, piece_octets) {
        assert_eq!(read(&pieces, limits), whole);
        assert_eq!(check(&pieces, limits), chunk);
    }
    ends_at_its_end(stream, &whole);
    holds_its_limits(&whole.0, limits, whole.1);
    holds_its_limits(&chunk.0, limits, chunk.1);
    if chunk.1.is_none() {
        assert!(chunk.0.starts_with(stream) && chunk.0.len() <= stream.len() + 2);
        is_written_as_read(&chunk.0);
    }
    never_leaves_with_bare_line_ends(stream);
});

fn read(pieces: &[&[u8]], limits: DataLimits) -> Read {
    let mut reader = DataReader::new(limits);
    let (mut message, mut used, mut done) = (Vec::new(), 0, false);
    for piece in pieces {
        let fed = reader.feed(piece, &mut message);
        assert!(fed.consumed <= piece.len() && (fed.done || fed.consumed == piece.len()));
        assert!(!done || fed.consumed == 0, "octets taken behind the end");
        used += fed.consumed;
        done = fed.done;
    }
    (message, reader.defect(), done.then_some(used))
}

fn check(pieces: &[&[u8]], limits: DataLimits) -> (Vec<u8>, Option<DataDefect>) {
    let mut checker = ChunkChecker::new(limits);
    let mut message = Vec::new();
    for piece in pieces {
        checker.feed(piece, &mut message);
    }
    let before = checker.defect();
    let defect = checker.finish(&mut message);
    assert!(before.is_none() || before == defect);
    (message, defect)
}

/// The end is the first line of one dot, found by its octets alone, whatever else is wrong with the data.
fn ends_at_its_end(stream: &[u8], (_, _, used): &Read) {
    let inner = stream
        .windows(5)
        .position(|octets| octets == b"\r\n.\r\n")
        .map(|at| at + 5);
    let end = if stream.starts_with(b".\r\n") {
        Some(3)
    } else {
        inner
    };
    assert_eq!(*used, end);
}

fn holds_its_limits(message: &[u8], limits: DataLimits, defect: Option<DataDefect>) {
    assert!(message.len() as u64 <= limits.size_octets_max);
    if defect.is_none() {
        let complete = &message[..message
            .iter()
            .rposition(|octet| *octet == b'\n')
            .map_or(0, |end| end + 1)];
        fuzz::assert_lines(complete, limits.line_octets_max);
    }
}

fn is_written_as_read(message: &[u8]) {
    let limits = DataLimits {
        size_octets_max: u64::MAX,
        line_octets_max: usize::MAX,
    };
    let mut stream = Vec::new();
    write_data(message, &mut stream);
    let end = stream.len();
    stream.extend_from_slice(b"QUIT\r\n");
    assert_eq!(read(&[&stream], limits), (message.to_vec(), None, Some(end)));
}

/// Also of octets that no reader accepted.
fn never_leaves_with_bare_line_ends(stream: &[u8]) {
    let limits = DataLimits {
        size_octets_max: u64::MAX,
        line_octets_max: usize::MAX,
    };
    let mut written = Vec::new();
    write_data(stream, &mut written);
    let (_, defect, used) = read(&[&written], limits);
    assert_eq!(used, Some(written.len()));
    assert!(matches!(defect, None | Some(DataDefect::Nul)));
}
