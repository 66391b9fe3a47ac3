//! The one loop, and the seam beneath it: the real world and the simulated one.

use std::io;

use super::{Action, Engine, Event, Outcome};
use crate::time::Time;

/// What lies beneath the engine: the clock, S3, the file, the user.
pub trait World {
    /// The time of this turn. Never decreases.
    fn now(&self) -> Time;

    /// Does what the engine wants.
    ///
    /// # Errors
    /// Only where nothing can go on at all, such as libcurl refusing to work.
    fn carry_out(&mut self, action: Action) -> io::Result<()>;

    /// Waits until something happened or `until` has come, and appends what happened.
    ///
    /// # Errors
    /// As [`World::carry_out`].
    fn wait(&mut self, until: Option<Time>, events: &mut Vec<Input>) -> io::Result<()>;
}

/// What can wake the loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Something happened.
    Event(Event),
    /// The user wants something.
    Command(super::Command),
}

/// Drives `engine` in `world` until it has an outcome.
///
/// # Errors
/// What the world reports as the end of all work.
pub fn run(engine: &mut Engine, world: &mut impl World) -> io::Result<Outcome> {
    let mut inputs = Vec::new();
    loop {
        let now = world.now();
        for input in inputs.drain(..) {
            match input {
                Input::Event(event) => engine.handle(now, event),
                Input::Command(command) => engine.command(now, command),
            }
        }
        while let Some(action) = engine.poll(now) {
            world.carry_out(action)?;
        }
        if let Some(outcome) = engine.outcome() {
            return Ok(outcome.clone());
        }
        world.wait(engine.next_wakeup(now), &mut inputs)?;
    }
}
