//! Which settings upload best, found by measuring: what is measured next, when that is enough, and
//! what may be said of it. Told measurements and what they cost; makes none itself.
//!
//! Every candidate is measured once a round, in an order drawn anew, so that a network that drifts
//! favours none of them. Those that are clearly worse than the leader drop out. What is set
//! already, the *baseline*, is a candidate that never does: all that is claimed of the best is
//! claimed against it.

mod budget;
mod design;
mod effect;
mod race;
mod ranking;
mod sample;
mod statistics;

pub use budget::{Budget, Short, Spent};
pub use design::{CANDIDATES_MAX, Candidate, Design, Sweep, TooMany};
pub use effect::{Effect, effects};
pub use race::{End, Race, Step};
pub use ranking::{Ranking, Verdict, rank};
pub use sample::{Entry, Goal, Sample, Spread, State};
