//! Which senders sent alike messages of late: an index from the bands of a message to who sent it, when, and what was decided.
//! In memory; a restart forgets it.
//!
//! In prose: a member is a sender with one text; it is counted when it sends the same again, so a newsletter takes the room of
//! one message. Members stand in a ring, the newest overwrites the oldest. A band leads by its keyed hash to a set of eight
//! places in one line of the processor's cache; a place has a tag of the band and the number of a member, the band met last in
//! front. So a band remembers up to eight senders, and in a full set what was met least lately goes. Members that are met
//! again when they are old in the ring move to its front. One sender takes at most an eighth of the ring.
//!
//! Promises: asking and remembering touch a bounded number of places and never wait for a disk; the memory is bounded whatever
//! is sent ([`Campaigns::octets_max`]). Trusts nothing in messages; nobody outside can aim at a place of the index.

use crate::database::locked;
use jiff::Timestamp;
use risk::{Action, Bands, CAMPAIGN_S, CampaignFacts, Cause, Class, Decibans, SharedBands, Verdict};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Mutex;
use trace::Id;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The index.
#[derive(Debug)]
pub struct Campaigns {
    index: Mutex<Index>,
    key: u64,
}

/// One sender of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignMember {
    /// A key as of [`risk::Sender::key`].
    pub sender: String,
    /// The story of its last message.
    pub story: Id,
    /// When its first one was seen.
    pub first_seen: Timestamp,
    /// And its last.
    pub last_seen: Timestamp,
    /// How many alike messages it sent.
    pub messages: u32,
    /// The class of the last.
    pub class: Class,
    /// What was done with it.
    pub action: Action,
    /// One of them was refused for what it is, or because the sender was locked.
    pub refused: bool,
    /// The highest score that one of them had.
    pub score_max: Decibans,
}

#[derive(Debug)]
struct Index {
    /// A power of two of them.
    sets: Vec<Set>,
    /// A ring; the member of a number stands at the number modulo [`Index::members_max`], a power of two.
    members: Vec<Member>,
    members_max: usize,
    /// The number of the next member; 0 is nobody, who stands at the first place until the ring comes round.
    next: u32,
    /// Members of each sender.
    of_sender: HashMap<u64, u32>,
}

/// Places: the tag in the upper half, the number of the member in the lower.
type Set = [u64; Campaigns::SENDERS_OF_BAND_MAX];

#[derive(Clone, Debug)]
struct Member {
    name: Box<str>,
    /// The keyed hash of the name.
    sender: u64,
    story: Id,
    first_s: u32,
    last_s: u32,
    messages: u32,
    class: Class,
    action: Action,
    refused: bool,
    score_max: Decibans,
}

/// Who shares bands with the message at hand.
struct Met<'a> {
    member: &'a Member,
    shared: SharedBands,
    messages: u32,
    first_s: u32,
    refused: bool,
    score_max: Decibans,
}

/// Sets for each member, of eight places for the nine bands that a message has on the whole.
const SETS_OF_MEMBER: usize = 2;
/// Octets of a sender's name.
const NAME_OCTETS_MAX: usize = 330;
/// One sender takes at most one of so many shares of the ring.
const SHARES: usize = 8;

impl Campaigns {
    /// Messages remembered, a sender's alike ones as one, where nothing else is said.
    pub const MEMBERS_MAX: usize = 131_072;
    /// The smallest bound.
    pub const MEMBERS_MIN: usize = 1_024;
    /// Senders remembered of one band.
    pub const SENDERS_OF_BAND_MAX: usize = 8;

    /// Octets of memory that an index of so many members takes at most, when all names are as long as they may be.
    pub fn octets_max(members_max: usize) -> usize {
        let members = rounded(members_max);
        let counts = (members * 8 / 7).next_power_of_two() * (size_of::<(u64, u32)>() + 1);
        members * (SETS_OF_MEMBER * size_of::<Set>() + size_of::<Member>() + NAME_OCTETS_MAX) + counts
    }

    /// Empty; so many messages are remembered, rounded up to a power of two, at least [`Campaigns::MEMBERS_MIN`].
    pub fn new(members_max: usize) -> Self {
        let members_max = rounded(members_max);
        Self {
            index: Mutex::new(Index {
                sets: vec![[0; Self::SENDERS_OF_BAND_MAX]; members_max * SETS_OF_MEMBER],
                members: vec![Member::nobody()],
                members_max,
                next: 1,
                of_sender: HashMap::new(),
            }),
            key: rand::random(),
        }
    }

    /// What other senders sent that is alike.
    pub fn recall(&self, bands: &Bands, sender: &str, now: Timestamp) -> CampaignFacts {
        let own = self.sender(sender);
        let hashes = self.hashes(bands);
        let index = locked(&self.index);
        let mut facts = CampaignFacts::default();
        let (mut first_s, mut score_max) = (u32::MAX, None);
        for met in index.met(bands, &hashes, now) {
            if met.member.sender != own {
                facts.senders += 1;
                facts.messages = facts.messages.saturating_add(met.messages);
                facts.refused += u32::from(met.refused);
                first_s = first_s.min(met.first_s);
                score_max = Some(score_max.map_or(met.score_max, |known| higher(known, met.score_max)));
            }
        }
        facts.first_seen = (facts.senders > 0).then(|| time(first_s));
        facts.score_max_db = score_max.map_or(0.0, Decibans::value);
        facts
    }

    /// Who sent messages that are alike, with what was decided on the last of each; the sender itself included.
    pub fn members(&self, bands: &Bands, now: Timestamp) -> Vec<CampaignMember> {
        let hashes = self.hashes(bands);
        let index = locked(&self.index);
        let of = |met: Met<'_>| CampaignMember {
            sender: met.member.name.as_ref().to_owned(),
            story: met.member.story,
            first_seen: time(met.first_s),
            last_seen: time(met.member.last_s),
            messages: met.messages,
            class: met.member.class,
            action: met.member.action,
            refused: met.refused,
            score_max: met.score_max,
        };
        index.met(bands, &hashes, now).into_iter().map(of).collect()
    }

    /// Remembers a message and what was decided on it.
    pub fn remember(&self, bands: &Bands, sender: &str, story: Id, verdict: &Verdict, now: Timestamp) {
        if bands.is_empty() {
            return;
        }
        let news = News {
            name: sender,
            sender: self.sender(sender),
            story,
            at_s: seconds(now),
            class: verdict.class,
            action: verdict.action,
            refused: verdict.action == Action::Refuse && verdict.cause != Cause::Identity,
            score: verdict.score,
        };
        let hashes = self.hashes(bands);
        locked(&self.index).enter(&hashes, &news);
    }

    /// Messages remembered now.
    pub fn count(&self) -> usize {
        locked(&self.index).members.len() - 1
    }

    fn hashes(&self, bands: &Bands) -> Hashes {
        let hash = |band: u64| xxh3_64_with_seed(&band.to_le_bytes(), self.key);
        bands.each().map(|(band, _)| hash(band)).collect()
    }

    fn sender(&self, name: &str) -> u64 {
        xxh3_64_with_seed(name.as_bytes(), self.key)
    }
}

/// Keyed hashes of the bands of one message.
type Hashes = SmallVec<[u64; Bands::MAX]>;

/// A message that is to be remembered.
struct News<'a> {
    name: &'a str,
    sender: u64,
    story: Id,
    at_s: u32,
    class: Class,
    action: Action,
    refused: bool,
    score: Decibans,
}

impl<'a> Met<'a> {
    fn new(member: &'a Member, shared: SharedBands) -> Self {
        Self {
            member,
            shared,
            messages: member.messages,
            first_s: member.first_s,
            refused: member.refused,
            score_max: member.score_max,
        }
    }

    /// A sender stands in both halves, or with several texts.
    fn add(&mut self, member: &'a Member, shared: SharedBands) {
        self.shared = self.shared.and(shared);
        self.messages = self.messages.max(member.messages);
        self.first_s = self.first_s.min(member.first_s);
        self.refused |= member.refused;
        self.score_max = higher(self.score_max, member.score_max);
        if member.last_s > self.member.last_s {
            self.member = member;
        }
    }
}

impl Index {
    /// Those who share enough to be alike, each sender once.
    fn met(&self, bands: &Bands, hashes: &Hashes, now: Timestamp) -> SmallVec<[Met<'_>; 8]> {
        let since = seconds(now).saturating_sub(CAMPAIGN_S);
        let mut met: SmallVec<[Met<'_>; 8]> = SmallVec::new();
        // All sets first: the processor fetches them side by side.
        let sets: SmallVec<[Set; Bands::MAX]> = hashes.iter().map(|hash| self.set(*hash)).collect();
        for ((hash, set), (_, shared)) in hashes.iter().zip(&sets).zip(bands.each()) {
            for member in self.of_tag(set, *hash).filter_map(|number| self.member(number)) {
                if member.last_s < since {
                    continue;
                }
                match met.iter_mut().find(|known| known.member.sender == member.sender) {
                    Some(known) => known.add(member, shared),
                    None => met.push(Met::new(member, shared)),
                }
            }
        }
        met.retain(|known| bands.is_alike(known.shared));
        met
    }

    fn enter(&mut self, hashes: &Hashes, news: &News<'_>) {
        let own = match self.standing(hashes, news.sender) {
            Some(number) => self.counted(number, news),
            None => self.push(Member::new(news)),
        };
        // Members that moved to the front on the way, and their numbers there.
        let mut moved: SmallVec<[(u32, u32); 8]> = own.into_iter().collect();
        for hash in hashes {
            let set = self.set(*hash);
            let mut fresh = Fresh::default();
            if let Some((_, number)) = own {
                fresh.put(place(*hash, number));
            }
            for number in self.of_tag(&set, *hash) {
                let number = self.moved(number, news.at_s, &mut moved);
                fresh.put(place(*hash, number));
            }
            set.into_iter()
                .filter(|place| tag(*place) != tag(*hash))
                .for_each(|place| fresh.put(place));
            let at = self.at(*hash);
            if let Some(set) = self.sets.get_mut(at) {
                *set = fresh.set;
            }
        }
    }

    fn at(&self, hash: u64) -> usize {
        // Only the lower half: the upper one is the tag.
        (hash & 0xffff_ffff) as usize & (self.sets.len() - 1)
    }

    fn set(&self, hash: u64) -> Set {
        self.sets.get(self.at(hash)).copied().unwrap_or_default()
    }

    /// The members of a set that stand there for this band.
    fn of_tag<'a>(&self, set: &'a Set, hash: u64) -> impl Iterator<Item = u32> + use<'a> {
        let (next, members_max) = (self.next, self.members_max);
        set.iter()
            .filter(move |place| tag(**place) == tag(hash))
            .map(|place| (place & 0xffff_ffff) as u32)
            .filter(move |number| is_alive(*number, next, members_max))
    }

    /// The member of a number, unless it was overwritten.
    fn member(&self, number: u32) -> Option<&Member> {
        let at = number as usize & (self.members_max - 1);
        self.members
            .get(at)
            .filter(|_| is_alive(number, self.next, self.members_max))
    }

    /// Where a sender stands already with one of the bands.
    fn standing(&self, hashes: &Hashes, sender: u64) -> Option<u32> {
        let sets: SmallVec<[Set; Bands::MAX]> = hashes.iter().map(|hash| self.set(*hash)).collect();
        hashes.iter().zip(&sets).find_map(|(hash, set)| {
            self.of_tag(set, *hash)
                .find(|number| self.member(*number).is_some_and(|one| one.sender == sender))
        })
    }

    /// One more message of a sender that stands here: its number before and now.
    fn counted(&mut self, number: u32, news: &News<'_>) -> Option<(u32, u32)> {
        let at = number as usize & (self.members_max - 1);
        let member = self.members.get_mut(at)?;
        member.messages = member.messages.saturating_add(1);
        member.last_s = member.last_s.max(news.at_s);
        (member.story, member.class, member.action) = (news.story, news.class, news.action);
        member.refused |= news.refused;
        member.score_max = higher(member.score_max, news.score);
        Some((number, self.in_front(number)))
    }

    /// The number of a member that is met again, after it was moved if it had to be.
    fn moved(&mut self, number: u32, now_s: u32, moved: &mut SmallVec<[(u32, u32); 8]>) -> u32 {
        if let Some((_, fresh)) = moved.iter().find(|(before, _)| *before == number) {
            return *fresh;
        }
        let since = now_s.saturating_sub(CAMPAIGN_S);
        let late = self.member(number).is_some_and(|member| member.last_s >= since);
        let fresh = if late { self.in_front(number) } else { number };
        moved.push((number, fresh));
        fresh
    }

    /// A member in the older half of the ring moves to the front.
    fn in_front(&mut self, number: u32) -> u32 {
        let is_old = self.next.wrapping_sub(number) as usize > self.members_max / 2;
        let copy = if is_old {
            self.member(number).cloned()
        } else {
            None
        };
        let fresh = copy.and_then(|member| self.push(member));
        fresh.map_or(number, |(_, fresh)| fresh)
    }

    /// A sender with a text that is new here. None when it has taken its share.
    fn push(&mut self, member: Member) -> Option<(u32, u32)> {
        let taken = self.of_sender.entry(member.sender).or_default();
        if *taken as usize >= self.members_max / SHARES {
            return None;
        }
        *taken += 1;
        let number = self.next;
        let at = number as usize & (self.members_max - 1);
        match self.members.get_mut(at) {
            Some(oldest) => {
                let gone = std::mem::replace(oldest, member).sender;
                self.left(gone);
            }
            None => self.members.push(member),
        }
        self.next = number.wrapping_add(1).max(1);
        Some((number, number))
    }

    fn left(&mut self, sender: u64) {
        if let Some(count) = self.of_sender.get_mut(&sender) {
            *count -= 1;
            if *count == 0 {
                self.of_sender.remove(&sender);
            }
        }
    }
}

impl Member {
    fn new(news: &News<'_>) -> Self {
        Self {
            name: news.name.into(),
            sender: news.sender,
            story: news.story,
            first_s: news.at_s,
            last_s: news.at_s,
            messages: 1,
            class: news.class,
            action: news.action,
            refused: news.refused,
            score_max: news.score,
        }
    }

    fn nobody() -> Self {
        Self {
            name: "".into(),
            sender: 0,
            story: Id::from_u64(0),
            first_s: 0,
            last_s: 0,
            messages: 0,
            class: Class::Clean,
            action: Action::Accept,
            refused: false,
            score_max: Decibans::new(0.0),
        }
    }
}

/// A set that is filled from the front; what finds no room is forgotten.
#[derive(Default)]
struct Fresh {
    set: Set,
    count: usize,
}

impl Fresh {
    fn put(&mut self, place: u64) {
        if place == 0 || self.set.contains(&place) {
            return;
        }
        if let Some(free) = self.set.get_mut(self.count) {
            *free = place;
            self.count += 1;
        }
    }
}

fn place(hash: u64, number: u32) -> u64 {
    hash & !0xffff_ffff | u64::from(number)
}

fn tag(place: u64) -> u64 {
    place >> 32
}

/// The ring holds so many numbers before the next one.
fn is_alive(number: u32, next: u32, members_max: usize) -> bool {
    number != 0 && next.wrapping_sub(number) as usize <= members_max
}

fn rounded(members_max: usize) -> usize {
    let most = 1 << 28;
    members_max
        .clamp(Campaigns::MEMBERS_MIN, most)
        .next_power_of_two()
}

fn higher(one: Decibans, other: Decibans) -> Decibans {
    if other.value() > one.value() { other } else { one }
}

/// Seconds since 1970; enough until the year 2106.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

fn time(seconds: u32) -> Timestamp {
    Timestamp::from_second(i64::from(seconds)).unwrap_or_default()
}
