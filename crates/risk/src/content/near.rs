//! Near duplicates: a sketch of a text in eight numbers, two of which texts share when they are variations of each other.
//!
//! In prose: the words of the folded text are taken in threes; each three falls into one of 24 bins by its hash, and a bin keeps
//! the least. Empty bins borrow from their neighbours. Three bins together are a band: texts of one campaign share at least two
//! bands, texts that have nothing in common share none. Equal text alone is no evidence: lists, templates and replies to all
//! are equal too.
//!
//! Source: Broder, 1997; Li, Owen, Zhang, NIPS 2012 (one permutation); Shrivastava, Li, UAI 2014 (borrowing).

use crate::model::{Word, mix};

/// Bands of a sketch.
pub const BANDS: usize = 8;
const ROWS: usize = 3;
const BINS: usize = BANDS * ROWS;
/// Words below which a text is too short to be told from others.
const WORDS_MIN: usize = 8;

/// The bands of a text; None when it has too few words.
pub(super) fn bands(words: &[Word]) -> Option<[u32; BANDS]> {
    let mut bins = [u64::MAX; BINS];
    for three in words.windows(3) {
        let three = mix(three[0].hash.rotate_left(21) ^ three[1].hash.rotate_left(42) ^ three[2].hash);
        let bin = (three >> 32) as usize % BINS;
        bins[bin] = bins[bin].min(three & 0xffff_ffff);
    }
    (words.len() >= WORDS_MIN).then(|| {
        let full = borrowed(&bins);
        std::array::from_fn(|band| {
            let rows = &full[band * ROWS..(band + 1) * ROWS];
            let all = rows.iter().fold(band as u64 + 1, |all, row| mix(all ^ row));
            (all >> 32) as u32
        })
    })
}

/// An empty bin takes what the next full one to its right has, changed by the distance.
fn borrowed(bins: &[u64; BINS]) -> [u64; BINS] {
    std::array::from_fn(|bin| {
        let found = (0..BINS).find_map(|step| {
            let value = bins[(bin + step) % BINS];
            (value != u64::MAX).then_some((step as u64, value))
        });
        found.map_or(0, |(step, value)| value ^ step << 32)
    })
}

#[cfg(test)]
mod tests {
    use super::super::fold::Folded;
    use super::*;
    use crate::model::words;

    fn shared(a: &str, b: &str) -> usize {
        let bands_of = |text: &str| bands(&words(&Folded::of(text, false).codes)).unwrap();
        let (left, right) = (bands_of(a), bands_of(b));
        left.iter().zip(&right).filter(|(a, b)| a == b).count()
    }

    fn letter(name: &str, number: u32) -> String {
        let middle: String = (0..60)
            .map(|n| format!("part{} of the offer is better than the one before ", n % 17))
            .collect();
        format!(
            "Dear {name}, we have a wonderful offer for you today. {middle} Order under number {number} now and save money."
        )
    }

    #[test]
    fn variations_share_and_others_do_not() {
        assert_eq!(shared(&letter("Anna", 1), &letter("Anna", 1)), BANDS);
        assert!(shared(&letter("Anna", 17), &letter("Giovanni", 99_412)) >= 2);
        let other = "The meeting of the council is on Thursday at nine; please bring the minutes of last month and the list of members who paid.";
        assert_eq!(shared(&letter("Anna", 1), other), 0);
        assert_eq!(bands(&words(&Folded::of("see you at noon", false).codes)), None);
    }
}
