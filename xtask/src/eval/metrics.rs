//! The measures of a filter, from its scores, and their uncertainty.
//!
//! A higher score means more like spam. The ROC curve has a point after each *distinct* score; points are joined by straight lines,
//! so messages of one score count as if their order were drawn by lot. `(1-AUC)%` is the area above that curve in percent: the
//! probability that a ham message scores above a spam message, ties counting half. `miss at f` is the share of spam below the curve
//! at a false rate of f; where f times the number of ham messages is not a whole number, it lies on the line between the two points.
//! So at 0.01 % with 6,000 ham (0.6 of one message) the figure hangs on the single highest ham: read it with its interval.
//!
//! Intervals: campaigns are drawn with replacement, all messages of a campaign go together; 2.5 % and 97.5 % of the draws.

/// One scored message.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// Higher is more like spam; never NaN.
    pub score: f64,
    /// The truth.
    pub spam: bool,
    /// Which near-duplicate group it belongs to; any number.
    pub campaign: usize,
}

/// False rates at which the miss rate is told.
pub const FALSE_RATES: [f64; 3] = [0.01, 0.001, 0.0001];
/// Draws of the bootstrap.
const DRAWS: usize = 1_000;

/// The figures of one filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// (1-AUC) in percent.
    pub above: f64,
    /// Miss rate in percent at each of `FALSE_RATES`.
    pub miss: [f64; FALSE_RATES.len()],
}

impl Figures {
    /// As one row.
    pub fn row(&self) -> [f64; 4] {
        let [one, tenth, hundredth] = self.miss;
        [self.above, one, tenth, hundredth]
    }
}

/// Figures with the ends of their 95 % intervals.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Of all messages.
    pub figures: Figures,
    /// Lower and upper end for each of `Figures::row`.
    pub interval: [(f64, f64); 4],
    /// (1-AUC)% of each draw, so that two filters can be compared draw by draw.
    pub draws: Vec<f64>,
}

/// Figures of all messages.
pub fn figures(scored: &[Scored]) -> Figures {
    let order = sorted(scored);
    weighted(&order, |_| 1.0)
}

/// Figures and intervals. The same seed draws the same campaigns for every filter that scored the same messages.
pub fn measure(scored: &[Scored], seed: u64) -> Measured {
    let order = sorted(scored);
    let campaigns = order.iter().map(|one| one.campaign + 1).max().unwrap_or(0);
    let present = present(&order, campaigns);
    let mut chance = Chance(seed | 1);
    let mut rows = Vec::with_capacity(DRAWS);
    let mut weight = vec![0.0f64; campaigns];
    for _ in 0..DRAWS {
        weight.fill(0.0);
        for _ in &present {
            let drawn = present.get(chance.below(present.len())).copied().unwrap_or(0);
            if let Some(place) = weight.get_mut(drawn) {
                *place += 1.0;
            }
        }
        rows.push(weighted(&order, |campaign| weight.get(campaign).copied().unwrap_or(0.0)).row());
    }
    let mut interval = [(0.0, 0.0); 4];
    for (column, ends) in interval.iter_mut().enumerate() {
        let mut values: Vec<f64> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
        *ends = ends_of(&mut values);
    }
    Measured {
        figures: weighted(&order, |_| 1.0),
        interval,
        draws: rows.iter().map(|[above, ..]| *above).collect(),
    }
}

/// The 2.5 % and 97.5 % ends. Draws without spam or without ham give no figure and do not count.
pub fn ends_of(values: &mut Vec<f64>) -> (f64, f64) {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = values.len().saturating_sub(1) as f64;
        values
            .get((share * last).round() as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    (at(0.025), at(0.975))
}

fn sorted(scored: &[Scored]) -> Vec<Scored> {
    let mut order = scored.to_vec();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    order
}

fn present(order: &[Scored], campaigns: usize) -> Vec<usize> {
    let mut seen = vec![false; campaigns];
    for one in order {
        if let Some(place) = seen.get_mut(one.campaign) {
            *place = true;
        }
    }
    (0..campaigns).filter(|at| seen.get(*at) == Some(&true)).collect()
}

/// One pass from the highest score down.
fn weighted(order: &[Scored], weight: impl Fn(usize) -> f64) -> Figures {
    let total = |spam: bool| -> f64 {
        order
            .iter()
            .filter(|one| one.spam == spam)
            .map(|one| weight(one.campaign))
            .sum()
    };
    let (ham_total, spam_total) = (total(false), total(true));
    let (mut ham, mut spam, mut area) = (0.0, 0.0, 0.0);
    let mut miss = [f64::NAN; FALSE_RATES.len()];
    let mut rest = order;
    while let Some(first) = rest.first() {
        let ties = rest.iter().take_while(|one| one.score == first.score).count();
        let (tied, lower) = rest.split_at(ties);
        let (mut more_ham, mut more_spam) = (0.0, 0.0);
        for one in tied {
            let place = if one.spam { &mut more_spam } else { &mut more_ham };
            *place += weight(one.campaign);
        }
        for (rate, place) in FALSE_RATES.iter().zip(&mut miss) {
            // A whole number of messages stays whole in spite of rounding.
            let allowed = rate * ham_total + 1e-9;
            if place.is_nan() && ham + more_ham > allowed {
                let share = (allowed - ham) / more_ham;
                *place = 100.0 * (1.0 - (spam + share * more_spam) / spam_total);
            }
        }
        // Spam of lower scores loses against this ham; spam of the same score, half.
        area += more_ham * (spam_total - spam - more_spam / 2.0);
        (ham, spam, rest) = (ham + more_ham, spam + more_spam, lower);
    }
    Figures {
        above: 100.0 * area / (ham_total * spam_total),
        miss: miss.map(|one| {
            if one.is_nan() && spam_total > 0.0 {
                0.0
            } else {
                one
            }
        }),
    }
}

/// Marsaglia's xorshift with a multiplication: enough to draw campaigns, the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(drawn) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scores: &[(f64, bool)]) -> Vec<Scored> {
        let row = |(campaign, &(score, spam)): (usize, &(f64, bool))| Scored {
            score,
            spam,
            campaign,
        };
        scores.iter().enumerate().map(row).collect()
    }

    fn check(scores: &[(f64, bool)], above: f64) {
        assert!((figures(&table(scores)).above - above).abs() < 1e-9, "{scores:?}");
    }

    #[test]
    fn area_by_hand() {
        check(&[(2.0, true), (1.0, false)], 0.0);
        check(&[(1.0, true), (2.0, false)], 100.0);
        check(&[(1.0, true), (1.0, false)], 50.0);
        // Pairs (spam, ham): 3>2, 3>0, 1<2, 1>0: one of four is wrong.
        check(&[(3.0, true), (2.0, false), (1.0, true), (0.0, false)], 25.0);
        // 2=2 half, 2>1, 1<2 whole, 1=1 half: two of four.
        check(&[(2.0, true), (2.0, false), (1.0, true), (1.0, false)], 50.0);
        // Infinite scores are scores.
        check(
            &[(f64::INFINITY, true), (0.0, false), (f64::NEG_INFINITY, true)],
            50.0,
        );
    }

    #[test]
    fn miss_by_hand() {
        // 50 ham, so 1 % is half of one message. Spam: 10 above the highest ham, 10 between the first and the second, 5 below.
        let mut scores = vec![(90.0, false), (50.0, false)];
        scores.extend((0..48).map(|low| (f64::from(low) / 10.0, false)));
        scores.extend([(95.0, true); 10]);
        scores.extend([(70.0, true); 10]);
        scores.extend([(20.0, true); 5]);
        let got = figures(&table(&scores));
        // The highest ham stands alone at 90: on the upright of the curve, all that scores higher is caught, whatever the fraction.
        assert!(got.miss.iter().all(|miss| (miss - 60.0).abs() < 1e-6), "{got:?}");
        // With the ten at 90 too, half of one ham of a tie of one ham and ten spam catches half of the ten.
        let tied: Vec<_> = scores
            .iter()
            .map(|&(s, spam)| (if s == 70.0 { 90.0 } else { s }, spam))
            .collect();
        let got = figures(&table(&tied));
        let want = [100.0 * 10.0 / 25.0, 100.0 * 14.5 / 25.0, 100.0 * 14.95 / 25.0];
        for (got, want) in got.miss.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        // 1 % of 200 ham is two whole messages: what lies above the third is caught.
        let mut scores: Vec<_> = (0..200).map(|low| (f64::from(low), false)).collect();
        scores.extend([(199.5, true), (198.5, true), (197.5, true), (196.5, true)]);
        assert!((figures(&table(&scores)).miss[0] - 25.0).abs() < 1e-9);
    }

    #[test]
    fn bootstrap_draws_campaigns() {
        // Ten ham at 0, ten spam: nine above, one below in a campaign of its own.
        let mut scored: Vec<Scored> = (0..10)
            .map(|campaign| Scored {
                score: 0.0,
                spam: false,
                campaign,
            })
            .collect();
        scored.extend((0..9).map(|_| Scored {
            score: 1.0,
            spam: true,
            campaign: 10,
        }));
        scored.push(Scored {
            score: -1.0,
            spam: true,
            campaign: 11,
        });
        let got = measure(&scored, 7);
        assert!((got.figures.above - 10.0).abs() < 1e-9);
        // Draws without the large campaign are possible, so the interval is wide: 0 to 100.
        assert_eq!(got.interval[0].0, 0.0);
        assert!(got.interval[0].1 > 50.0);
        // One campaign for each message: narrower; and the same seed gives the same.
        let single: Vec<Scored> = scored
            .iter()
            .enumerate()
            .map(|(campaign, one)| Scored { campaign, ..*one })
            .collect();
        let (a, b) = (measure(&single, 7), measure(&single, 7));
        assert!(a.interval[0].1 < 50.0);
        assert_eq!(a.draws, b.draws);
    }

    #[test]
    fn drawing_is_even() {
        let mut chance = Chance(9);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[chance.below(10)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }
}
