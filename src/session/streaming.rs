//! A source that is a stream: what has been read of it is told, what is stored is given back.

use super::Session;
use crate::disk::{Source, Stream};
use crate::upload::{Event, Input, Notice, SourceChange};

impl Session<'_> {
    /// Tells the engine how much more of the stream there is, or why there is no more.
    pub(super) fn tell_input(&mut self) {
        let Some(news) = self.stream().and_then(Stream::news) else { return };
        let event = match news {
            Ok(news) => Event::Input { size: news.size, ended: news.ended },
            Err(error) => Event::SourceChanged(SourceChange::Stream {
                what: error.to_string(),
                advice: error.advice().to_owned(),
            }),
        };
        self.ready.push(Input::Event(event));
    }

    fn stream(&self) -> Option<&Stream> {
        self.source.as_ref().and_then(Source::stream)
    }

    /// Lets the stream go on where a part is stored.
    pub(super) fn release(&self, notice: &Notice) {
        if let (Notice::PartStored { part, .. }, Some(stream)) = (notice, self.stream()) {
            stream.release(part.offset);
        }
    }
}
