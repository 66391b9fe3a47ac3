//! Why uploads through presigned URLs fail when several go at once: an experiment.
//!
//! Some users begin at the same moment, each with a URL of its own that lives for a while, over a
//! link that they share. A [`Behaviour`] says when somebody looks at the URL's life, or loses
//! patience; [`forecast`] reckons from it who must fail; [`fit`] holds what was measured against
//! the forecast, and against what users report. It knows numbers only: who uploads, and how, is the
//! business of others.

mod design;
mod fit;
mod forecast;
mod outcome;
mod schedule;

pub use design::{Behaviour, Cell, Client, Design, DesignError, Wanted};
pub use fit::{Apart, Fit, Shape, Verdict, fit};
pub use forecast::{Forecast, Setting, forecast};
pub use outcome::{Outcome, Sight};
pub use schedule::{UPLOADS_MAX, duration, next};
