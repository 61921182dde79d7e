//! What of a text a model gives weights to: each gram and each word once, where it first stands.
//!
//! In prose: a mark is known by its hash. Of marks that fall together in a table 64 times their number, about one in a hundred of
//! a text, the first counts. Marks are kept in order, by blocks of [`BLOCK`] characters, so that a span of blocks is a range.

use crate::content::Code;
use std::ops::Range;

/// Characters of a block.
pub(super) const BLOCK: usize = 128;
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
/// An odd number without pattern: the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Grams or words in order of place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// One for each mark.
    pub hashes: Vec<u64>,
    /// How many there are up to the end of each block.
    ends: Vec<u32>,
}

/// A word and the place behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    place: u32,
    pub hash: u64,
}

impl Marks {
    /// The grams: five characters ending at the place; also pairs of characters of scripts without blanks.
    pub(crate) fn grams(codes: &[Code]) -> Self {
        let mut seen = Seen::new(grams_max(codes));
        let mut marks = Self::with_room(grams_max(codes));
        let mut count = 0;
        for block in Blocks::new(codes) {
            block.each_gram(|hash, _| marks.put(hash, &mut count, &mut seen));
            marks.end(count);
        }
        marks.hashes.truncate(count);
        marks
    }

    /// Words and pairs of neighbouring words, at the place behind them.
    pub(crate) fn words(words: &[Word], codes: usize) -> Self {
        let mut seen = Seen::new(2 * words.len());
        let mut marks = Self::with_room(2 * words.len());
        let mut count = 0;
        let mut before = 0u64;
        let blocks = codes.div_ceil(BLOCK);
        for word in words {
            let block = (word.place as usize / BLOCK).min(blocks.saturating_sub(1));
            while marks.ends.len() < block {
                marks.end(count);
            }
            marks.put(alone(word.hash), &mut count, &mut seen);
            marks.put(paired(before, word.hash), &mut count, &mut seen);
            before = word.hash;
        }
        while marks.ends.len() < blocks {
            marks.end(count);
        }
        marks.hashes.truncate(count);
        marks
    }

    /// Indexes of the marks of a range of blocks.
    pub(crate) fn within(&self, blocks: &Range<usize>) -> Range<usize> {
        let upto = |block: usize| {
            let last = block.min(self.ends.len()).checked_sub(1);
            last.map_or(0, |last| self.ends[last] as usize)
        };
        upto(blocks.start)..upto(blocks.end)
    }

    fn with_room(count: usize) -> Self {
        Self {
            hashes: vec![0; count],
            ends: Vec::with_capacity(count / BLOCK + 1),
        }
    }

    fn end(&mut self, count: usize) {
        self.ends.push(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Writes without asking whether the hash is new, and goes on only if it is: nothing to guess for the processor.
    fn put(&mut self, hash: u64, count: &mut usize, seen: &mut Seen) {
        if let Some(free) = self.hashes.get_mut(*count) {
            *free = hash;
            *count += usize::from(seen.is_new(hash));
        }
    }
}

/// For each mark that counts, the place of its last character, how many it has, and its hash: what an explanation needs.
pub(super) fn each_mark(codes: &[Code], words: &[Word], mut call: impl FnMut(Range<usize>, u64, bool)) {
    let mut seen = Seen::new(grams_max(codes));
    for (number, block) in Blocks::new(codes).enumerate() {
        block.each_gram(|hash, offset| {
            if seen.is_new(hash) {
                let end = number * BLOCK + offset + 1;
                call(end.saturating_sub(5)..end, hash, false);
            }
        });
    }
    let mut seen = Seen::new(2 * words.len());
    let mut before = 0u64;
    for word in words {
        let end = word.place as usize;
        for hash in [alone(word.hash), paired(before, word.hash)] {
            if seen.is_new(hash) {
                call(end.saturating_sub(5)..end, hash, true);
            }
        }
        before = word.hash;
    }
}

fn alone(word: u64) -> u64 {
    mix(word ^ ALONE)
}

fn paired(before: u64, word: u64) -> u64 {
    mix(word ^ before.rotate_left(7) ^ PAIRED)
}

fn grams_max(codes: &[Code]) -> usize {
    codes.len() + codes.iter().filter(|code| code.is_wide()).count()
}

/// A text block by block, with the gram that runs across.
struct Blocks<'a> {
    codes: std::slice::Chunks<'a, Code>,
    before: [Code; 4],
}

struct Block<'a> {
    codes: &'a [Code],
    before: [Code; 4],
}

impl<'a> Blocks<'a> {
    fn new(codes: &'a [Code]) -> Self {
        Self {
            codes: codes.chunks(BLOCK),
            before: [Code::from_raw(u16::from(b' ')); 4],
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let codes = self.codes.next()?;
        let before = self.before;
        if let Some(last) = codes.last_chunk::<4>() {
            self.before = *last;
        }
        Some(Block { codes, before })
    }
}

impl Block<'_> {
    /// Calls for hash and offset of each gram.
    fn each_gram(&self, mut call: impl FnMut(u64, usize)) {
        let mut gram = self.before.iter().fold(0, |gram, code| gram << 12 | code.bits());
        let mut before = Some(self.before[3]).filter(|code| code.is_wide());
        for (offset, code) in self.codes.iter().enumerate() {
            gram = (gram << 12 | code.bits()) & GRAM_MASK;
            call(gram, offset);
            let wide = code.is_wide().then_some(*code);
            if let (Some(before), Some(wide)) = (before, wide) {
                call(PAIR | before.bits() << 12 | wide.bits(), offset);
            }
            before = wide;
        }
    }
}

/// The words of a text in order, those of its first [`WORD_CODES_MAX`] characters.
pub(crate) fn words(codes: &[Code]) -> Vec<Word> {
    let codes = &codes[..codes.len().min(WORD_CODES_MAX)];
    let mut words = Vec::with_capacity(codes.len() / 4);
    let mut word = 0u64;
    let mut length = 0;
    let end = Code::from_raw(u16::from(b' '));
    for (place, code) in codes.iter().chain([&end]).enumerate() {
        if code.is_letter() || code.is_digit() {
            word = (word ^ code.bits()).wrapping_mul(SPREAD).rotate_left(23);
            length += 1;
            // A script without blanks: two characters are a word.
            if !(code.is_wide() && length >= 2) {
                continue;
            }
        }
        if WORD_CODES.contains(&length) {
            words.push(Word {
                place: u32::try_from(place).unwrap_or(u32::MAX),
                hash: word,
            });
        }
        (word, length) = (0, 0);
    }
    words
}

/// Hashes met before, a bit for each: 64 bits for one that may come, so that hardly two fall together.
struct Seen {
    bits: Vec<u64>,
    shift: u32,
}

impl Seen {
    /// Room for about `count` different hashes.
    fn new(count: usize) -> Self {
        let words = count.next_power_of_two().max(1);
        Self {
            bits: vec![0; words],
            shift: 58 - words.trailing_zeros(),
        }
    }

    fn is_new(&mut self, hash: u64) -> bool {
        let at = hash.wrapping_mul(SPREAD) >> self.shift;
        let mask = self.bits.len() - 1;
        let word = &mut self.bits[(at >> 6) as usize & mask];
        let bit = 1 << (at & 63);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// Spreads every bit of a word over all of it (the finisher of SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
pub(crate) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(SPREAD);
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Folded;

    fn of(text: &str) -> (Vec<Code>, Marks, Marks) {
        let codes = Folded::of(text, false).codes;
        let (grams, words) = (Marks::grams(&codes), Marks::words(&words(&codes), codes.len()));
        (codes, grams, words)
    }

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
        for text in [&random, &latin, &short, "", &latin[..BLOCK], &latin[..BLOCK + 1]] {
            let (codes, grams, words) = of(text);
            assert!(grams.hashes.len() <= 2 * codes.len() && words.hashes.len() <= codes.len() + 2);
            let blocks = codes.len().div_ceil(BLOCK);
            for marks in [&grams, &words] {
                assert_eq!(marks.ends.len(), blocks);
                assert!(marks.ends.is_sorted());
                assert_eq!(marks.within(&(0..blocks)), 0..marks.hashes.len());
            }
            let distinct: std::collections::HashSet<u64> = grams.hashes.iter().copied().collect();
            assert_eq!(distinct.len(), grams.hashes.len());
        }
        assert_eq!(
            of("one two one two one").2.hashes.len(),
            2 + 3,
            "two words; pairs: first, one two, two one"
        );
    }

    #[test]
    fn hardly_a_mark_is_lost() {
        let text: String = (0..9_000u64)
            .map(|n| char::from(b'a' + (mix(n) % 26) as u8))
            .collect();
        let (codes, grams, _) = of(&text);
        let all: std::collections::HashSet<Vec<u64>> = codes
            .windows(5)
            .map(|five| five.iter().map(|code| code.bits()).collect())
            .collect();
        assert!(
            grams.hashes.len() * 100 > all.len() * 98,
            "{} {}",
            grams.hashes.len(),
            all.len()
        );
    }

    #[test]
    fn an_explanation_sees_the_same_marks() {
        let (codes, grams, marks) = of(&"价格 and words of the text, and words again ".repeat(30));
        let mut met = [Vec::new(), Vec::new()];
        each_mark(&codes, &words(&codes), |place, hash, word| {
            assert!(place.end <= codes.len());
            met[usize::from(word)].push(hash);
        });
        assert_eq!(met, [grams.hashes, marks.hashes]);
    }
}
