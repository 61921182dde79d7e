//! The SMTP half against properties and against another parser.

mod data;
mod dsn;
mod oracle;
mod properties;
mod replies;

use proptest::prelude::*;

/// Streams that are dense in what matters at line ends, and now and then anything.
pub fn stream() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&[u8]; 14] = [
        b"\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b".",
        b"..",
        b"\0",
        b"a",
        b"250 ok",
        b"250-",
        b"\r\n.\r\n",
        b" ",
        b"\xc3\xbc",
        b"a long word of one and twenty",
    ];
    let word = prop_oneof![
        8 => prop::sample::select(WORDS.as_slice()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// Cuts `stream` at the given places, taken modulo its length.
pub fn cut<'a>(stream: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}
