//! What becomes of one request in a simulated world.

use std::time::Duration;

/// One request's fate. *Done* means that the store did the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Done and answered.
    Answered,
    /// No connection came about.
    Refused,
    /// The connection died in the middle of the body.
    ResetInBody,
    /// The connection died in the middle of the body, and the store does the work all the same,
    /// later: a first copy that was still under way.
    ResetThenDone,
    /// Done; the connection died before the answer.
    AnswerLost,
    /// Done; the answer was cut in the middle.
    AnswerCut,
    /// Done; the answer says 500.
    DoneAnswered500,
    /// Nothing moves any more, nothing is done.
    Stalled,
    /// Done; the answer never comes.
    AnswerNeverComes,
    /// 503 `SlowDown`, perhaps with a wish.
    SlowDown(Option<Duration>),
    /// 500 `InternalError`.
    InternalError,
    /// 400 `RequestTimeout`, the body having been cut short.
    RequestTimeout,
    /// 200 before the body had been read; nothing is done.
    EarlyOk,
    /// 200 with an error inside; nothing is done.
    ErrorInside200,
    /// libcurl sent the request twice, the first copy having been done.
    SentTwice,
    /// A bit flipped on the way.
    Corrupted,
    /// 403 `RequestTimeTooSkewed`, by a store whose clock is an hour ahead in this answer alone.
    Skewed,
    /// 400 `ExpiredToken`.
    Expired,
    /// 307 to another host of the store.
    Elsewhere,
    /// 501: the store does not know the checksums.
    NotImplemented,
    /// 403 `AccessDenied`.
    Denied,
    /// Somebody aborts the upload before the request arrives.
    UploadGone,
}

impl Fate {
    /// All fates that small worlds are built from.
    pub(crate) const ALL: [Fate; 22] = [
        Fate::Refused,
        Fate::ResetInBody,
        Fate::ResetThenDone,
        Fate::AnswerLost,
        Fate::AnswerCut,
        Fate::DoneAnswered500,
        Fate::Stalled,
        Fate::AnswerNeverComes,
        Fate::SlowDown(None),
        Fate::SlowDown(Some(Duration::from_secs(7))),
        Fate::InternalError,
        Fate::RequestTimeout,
        Fate::EarlyOk,
        Fate::ErrorInside200,
        Fate::SentTwice,
        Fate::Corrupted,
        Fate::Skewed,
        Fate::Expired,
        Fate::Elsewhere,
        Fate::NotImplemented,
        Fate::Denied,
        Fate::UploadGone,
    ];
}

/// Where fates come from.
#[derive(Debug, Clone)]
pub(crate) enum Fates {
    /// Each request fails with this probability, in a way drawn at random. The last two fates
    /// of [`Fate::ALL`], which end an upload, are a hundred times rarer than the others.
    Random { failing: f64 },
    /// Requests by their place in the run; all others are answered.
    Scripted(Vec<(u64, Fate)>),
}

impl Fates {
    pub(crate) fn draw(&self, request: u64, rng: &mut fastrand::Rng) -> Fate {
        match self {
            Fates::Scripted(script) => script
                .iter()
                .find(|(at, _)| *at == request)
                .map_or(Fate::Answered, |(_, fate)| *fate),
            Fates::Random { failing } => {
                if rng.f64() >= *failing {
                    return Fate::Answered;
                }
                let common = Fate::ALL.len() - 2;
                if rng.u32(..100) == 0 {
                    return Fate::ALL[common + rng.usize(..2)];
                }
                match Fate::ALL[rng.usize(..common)] {
                    Fate::SlowDown(Some(_)) => {
                        Fate::SlowDown(Some(Duration::from_secs(rng.u64(..200))))
                    }
                    fate => fate,
                }
            }
        }
    }
}
