//! Verdicts by table (facts in; class, action, symbols, words out), the ladder of standing, and what the message shows.

mod conduct;
mod content;
mod verdicts;
