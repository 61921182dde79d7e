//! What of a text a model gives weights to: each gram and each word once, where it first stands.

use crate::content::Code;

/// Five codes of twelve bits.
const GRAM_MASK: u64 = (1 << 60) - 1;
/// Marks a gram of two characters, for scripts without blanks.
const PAIR: u64 = 1 << 63;
/// Characters whose words count.
const WORD_CODES_MAX: usize = 8_192;
/// Characters of a word.
const WORD_CODES: std::ops::RangeInclusive<usize> = 2..=24;
const ALONE: u64 = 0x55;
const PAIRED: u64 = 0x99;

/// Grams or words in order of place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Places, in characters of the folded text.
    pub places: Vec<u32>,
    /// Hashes, one for each place.
    pub hashes: Vec<u64>,
}

impl Marks {
    /// The grams: five characters ending at the place; also pairs of characters of scripts without blanks.
    pub(crate) fn grams(codes: &[Code]) -> Self {
        let wide = codes.iter().filter(|code| code.is_wide()).count();
        let mut marks = Self::with_room(codes.len() + wide);
        let mut seen = Seen::new(codes.len() + wide);
        let mut gram = (0..5).fold(0, |gram, _| gram << 12 | u64::from(b' '));
        let mut before = None;
        for (place, code) in codes.iter().enumerate() {
            gram = (gram << 12 | code.bits()) & GRAM_MASK;
            marks.push(place, mix(gram), &mut seen);
            let wide = code.is_wide().then(|| code.bits());
            if let (Some(before), Some(wide)) = (before, wide) {
                marks.push(place, mix(PAIR | before << 12 | wide), &mut seen);
            }
            before = wide;
        }
        marks
    }

    /// Words and pairs of neighbouring words, at the place behind them.
    pub(crate) fn words(codes: &[Code]) -> Self {
        // A word is two characters at least, and gives two marks.
        let count = codes.len().min(WORD_CODES_MAX) + 2;
        let mut marks = Self::with_room(count / 4);
        let mut seen = Seen::new(count);
        let mut before = 0u64;
        each_word(codes, |place, word| {
            marks.push(place, mix(word ^ ALONE), &mut seen);
            marks.push(place, mix(word ^ before.rotate_left(7) ^ PAIRED), &mut seen);
            before = word;
        });
        marks
    }

    /// Indexes of the marks that stand within a span of places.
    pub(crate) fn within(&self, span: (u32, u32)) -> std::ops::Range<usize> {
        let index = |place: u32| self.places.partition_point(|other| *other < place);
        index(span.0)..index(span.1)
    }

    fn with_room(count: usize) -> Self {
        Self {
            places: Vec::with_capacity(count),
            hashes: Vec::with_capacity(count),
        }
    }

    fn push(&mut self, place: usize, hash: u64, seen: &mut Seen) {
        if seen.is_new(hash) {
            self.places.push(u32::try_from(place).unwrap_or(u32::MAX));
            self.hashes.push(hash);
        }
    }
}

/// Calls for place and hash of each word in order, the first [`WORD_CODES_MAX`] characters long.
pub(crate) fn each_word(codes: &[Code], mut call: impl FnMut(usize, u64)) {
    let mut word = 0u64;
    let mut length = 0;
    let end = Code::from_raw(u16::from(b' '));
    for (place, code) in codes.iter().take(WORD_CODES_MAX).chain([&end]).enumerate() {
        if code.is_letter() || code.is_digit() {
            word = (word ^ code.bits())
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(23);
            length += 1;
            // A script without blanks: two characters are a word.
            if !(code.is_wide() && length >= 2) {
                continue;
            }
        }
        if WORD_CODES.contains(&length) {
            call(place, word);
        }
        (word, length) = (0, 0);
    }
}

/// Hashes met before: open addressing, a third empty at least.
struct Seen {
    table: Vec<u32>,
    mask: usize,
}

impl Seen {
    /// Room for `count` different hashes; more must never come.
    fn new(count: usize) -> Self {
        let room = (count + count / 2 + 8).next_power_of_two();
        Self {
            table: vec![0; room],
            mask: room - 1,
        }
    }

    fn is_new(&mut self, hash: u64) -> bool {
        let print = (hash >> 32) as u32 | 1;
        let mut at = hash as usize & self.mask;
        loop {
            match self.table.get_mut(at) {
                Some(slot) if *slot == 0 => {
                    *slot = print;
                    return true;
                }
                Some(slot) if *slot == print => return false,
                _ => at = (at + 1) & self.mask,
            }
        }
    }
}

/// Spreads every bit of a word over all of it (the finisher of SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
pub(crate) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Folded;

    #[test]
    fn every_text_fits() {
        let random: String = (0..60_000u32)
            .map(|n| char::from_u32(0x4e00 + (mix(u64::from(n)) % 20_000) as u32).unwrap())
            .collect();
        let latin: String = (0..60_000u64)
            .map(|n| char::from(b'a' + (mix(n) % 26) as u8))
            .collect();
        let short: String = (0..8_000u64)
            .map(|n| {
                if n % 3 == 2 {
                    ' '
                } else {
                    char::from(b'a' + (mix(n) % 26) as u8)
                }
            })
            .collect();
        for text in [&random, &latin, &short, ""] {
            let codes = Folded::of(text, false).codes;
            let (grams, words) = (Marks::grams(&codes), Marks::words(&codes));
            assert!(grams.hashes.len() <= 2 * codes.len() && words.hashes.len() <= codes.len() + 2);
            assert!(grams.places.is_sorted() && words.places.is_sorted());
            let distinct: std::collections::HashSet<u64> = grams.hashes.iter().copied().collect();
            assert_eq!(distinct.len(), grams.hashes.len());
        }
        let codes = Folded::of("one two one two one", false).codes;
        assert_eq!(
            Marks::words(&codes).hashes.len(),
            2 + 3,
            "two words; pairs: first, one two, two one"
        );
    }
}
