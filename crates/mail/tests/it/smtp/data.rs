//! Message data: the reader against a model that looks at one octet after the other, however the stream is cut.

use super::{cut, stream};
use mail::smtp::data::{ChunkChecker, DataDefect, DataLimits, DataReader, write_data};
use proptest::prelude::*;

/// What RFC 5321 §4.5.2 says, octet by octet: message, first defect, octets used if the end was seen.
fn model(stream: &[u8], limits: DataLimits) -> (Vec<u8>, Option<DataDefect>, Option<usize>) {
    let end = (0..stream.len()).find(|at| {
        let before = &stream[..*at];
        (before.is_empty() || before.ends_with(b"\r\n")) && stream[*at..].starts_with(b".\r\n")
    });
    let data = &stream[..end.unwrap_or(stream.len())];
    let mut message = Vec::new();
    let mut line_octets = 0;
    let fits = |message: &Vec<u8>, more: u64| message.len() as u64 + more <= limits.size_octets_max;
    let mut at = 0;
    let defect = loop {
        let Some(octet) = data.get(at) else { break None };
        let line_start = at == 0 || data[..at].ends_with(b"\r\n");
        match (octet, data.get(at + 1)) {
            (b'.', _) if line_start => {}
            (b'\r', Some(b'\n')) if !fits(&message, 2) => break Some(DataDefect::TooBig),
            (b'\r', Some(b'\n')) => {
                message.extend_from_slice(b"\r\n");
                line_octets = 0;
                at += 1;
            }
            // The dot at the end of an unfinished stream hides whether the CR before it is bare; so does its own CR.
            (b'\r', None) if end.is_none() => break None,
            (b'\r', _) => break Some(DataDefect::BareCr),
            (b'\n', _) => break Some(DataDefect::BareLf),
            (0, _) => break Some(DataDefect::Nul),
            (_, _) if !fits(&message, 1) => break Some(DataDefect::TooBig),
            (_, _) if line_octets == limits.line_octets_max => break Some(DataDefect::LineTooLong),
            (_, _) => {
                message.push(*octet);
                line_octets += 1;
            }
        }
        at += 1;
    };
    (message, defect, end.map(|end| end + 3))
}

fn read(pieces: &[&[u8]], limits: DataLimits) -> (Vec<u8>, Option<DataDefect>, Option<usize>) {
    let mut reader = DataReader::new(limits);
    let (mut message, mut used, mut done) = (Vec::new(), 0, false);
    for piece in pieces {
        let fed = reader.feed(piece, &mut message);
        used += fed.consumed;
        done = fed.done;
        assert!(done || fed.consumed == piece.len());
    }
    (message, reader.defect(), done.then_some(used))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn reader_is_the_model_however_cut(
        stream in stream(),
        places in prop::collection::vec(any::<usize>(), 0..6),
        size_octets_max in 0u64..200,
        line_octets_max in 0usize..40,
    ) {
        let limits = DataLimits { size_octets_max, line_octets_max };
        let expected = model(&stream, limits);
        prop_assert_eq!(&read(&[&stream], limits), &expected);
        prop_assert_eq!(&read(&cut(&stream, &places), limits), &expected);
        let octets: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&read(&octets, limits), &expected);
    }

    #[test]
    fn written_data_is_read_back(stream in stream(), next in stream()) {
        let limits = DataLimits { size_octets_max: 1 << 20, line_octets_max: 998 };
        let mut written = Vec::new();
        write_data(&stream, &mut written);
        let end = written.len();
        written.extend_from_slice(&next);
        let (message, defect, used) = read(&[&written], limits);
        prop_assert_eq!(used, Some(end));
        let mut checker = ChunkChecker::new(limits);
        let mut checked = Vec::new();
        checker.feed(&stream, &mut checked);
        if checker.finish(&mut checked).is_none() {
            prop_assert_eq!((message, defect), (checked, None));
        } else {
            // An unacceptable message never leaves with a bare CR or LF.
            prop_assert!(matches!(defect, None | Some(DataDefect::Nul)));
        }
    }

    #[test]
    fn chunks_are_checked_however_cut(
        stream in stream(),
        places in prop::collection::vec(any::<usize>(), 0..6),
        size_octets_max in 0u64..200,
    ) {
        let limits = DataLimits { size_octets_max, line_octets_max: 20 };
        let check = |pieces: &[&[u8]]| {
            let mut checker = ChunkChecker::new(limits);
            let mut message = Vec::new();
            for piece in pieces {
                checker.feed(piece, &mut message);
            }
            let defect = checker.finish(&mut message);
            (message, defect)
        };
        let whole = check(&[&stream]);
        prop_assert_eq!(&check(&cut(&stream, &places)), &whole);
        prop_assert!(whole.0.len() as u64 <= size_octets_max);
        if whole.1.is_none() {
            prop_assert!(whole.0.starts_with(&stream) && whole.0.len() <= stream.len() + 2);
        }
    }
}

/// RELIABILITY of the end at the edges of read buffers: the terminator split at each place around 1 KiB to 64 KiB.
#[test]
fn terminator_at_buffer_edges() {
    let limits = DataLimits {
        size_octets_max: 1 << 20,
        line_octets_max: 998,
    };
    for edge in [1024_usize, 4096, 8192, 16_384, 65_536] {
        for shift in 0..8 {
            let mut message = vec![b'x'; edge - shift];
            for at in (76..message.len() - 2).step_by(78) {
                message[at..at + 2].copy_from_slice(b"\r\n");
            }
            message.extend_from_slice(b"\r\n");
            let mut stream = Vec::new();
            write_data(&message, &mut stream);
            let end = stream.len();
            stream.extend_from_slice(b"QUIT\r\n");
            let pieces: Vec<&[u8]> = stream.chunks(edge).collect();
            assert_eq!(
                read(&pieces, limits),
                (message, None, Some(end)),
                "{edge} {shift}"
            );
        }
    }
}
