//! What may be spent on looking into the files of one message: one budget for the message, given to every expander.
//!
//! Promises: nothing is expanded, listed or kept that was not paid for, so that time and memory follow from the numbers here
//! and not from what a file says about itself. Over budget is a finding about the message, never an error. Trusts nothing.
//!
//! Decision: the unit of work is one octet of a long run out of deflate, 2 to 5 ns of processor time in a release build.
//! [`Budget::WORK_MAX`] is chosen so that a message that spends all of it takes less than 50 ms, whatever codec it chose. An
//! octet is never cheaper than one unit, so that what is held is below [`Budget::WORK_MAX`] octets too.

/// What is left for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    work_left: usize,
    entries_left: usize,
    members_left: usize,
    depth_max: usize,
    exhausted: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::WORK_MAX, Self::ENTRIES_MAX, Self::DEPTH_MAX)
    }
}

impl Budget {
    /// Work for one message.
    pub const WORK_MAX: usize = 8 << 20;
    /// Members of archives and streams of documents listed for one message.
    pub const ENTRIES_MAX: usize = 1_000;
    /// Archives inside of archives that are opened.
    pub const DEPTH_MAX: usize = 8;
    /// Members that are told of one message.
    pub const MEMBERS_MAX: usize = 200;

    /// A budget with other bounds.
    pub fn new(work_max: usize, entries_max: usize, depth_max: usize) -> Self {
        Self {
            work_left: work_max,
            entries_left: entries_max,
            members_left: Self::MEMBERS_MAX,
            depth_max,
            exhausted: false,
        }
    }

    /// Work that may still be done.
    pub fn work_left(&self) -> usize {
        self.work_left
    }

    /// Entries that may still be listed.
    pub fn entries_left(&self) -> usize {
        self.entries_left
    }

    /// Members that may still be told.
    pub fn members_left(&self) -> usize {
        self.members_left
    }

    /// Archives inside of archives that may be opened.
    pub fn depth_max(&self) -> usize {
        self.depth_max
    }

    /// Something was left out because work or entries ran out.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Pays for work. False, and exhausted, when there was not as much; then nothing is left.
    pub fn spend(&mut self, work: usize) -> bool {
        let enough = self.work_left >= work;
        self.work_left = self.work_left.saturating_sub(work);
        self.exhausted |= !enough;
        enough
    }

    /// Pays for one entry. False, and exhausted, when there is none left.
    pub fn entry(&mut self) -> bool {
        let enough = self.entries_left > 0;
        self.entries_left = self.entries_left.saturating_sub(1);
        self.exhausted |= !enough;
        enough
    }

    /// As many of the wanted members as may still be told.
    pub fn members(&mut self, wanted: usize) -> usize {
        let given = wanted.min(self.members_left);
        self.members_left -= given;
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_does_not_come_back() {
        let mut budget = Budget::new(10, 1, 2);
        assert!(budget.spend(10) && budget.entry() && !budget.is_exhausted());
        assert!(!budget.spend(1) && budget.is_exhausted());
        assert!(!budget.entry());
        assert_eq!((budget.work_left(), budget.entries_left()), (0, 0));
        let mut budget = Budget::new(10, 1, 2);
        assert!(!budget.spend(11) && !budget.spend(1), "an overdraft ends it");
        assert_eq!(
            (budget.members(150), budget.members(150), budget.members(1)),
            (150, 50, 0)
        );
    }
}
