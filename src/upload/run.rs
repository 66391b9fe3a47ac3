//! The one loop, and the seam beneath it: the real world and the simulated one.

use std::io;

use super::{Action, Command, Event};
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

/// What decides: the [`Engine`](super::Engine) of an upload, or other [`Calls`](super::Calls). Both
/// keep the contract in [`upload`](super).
pub trait Machine {
    /// How it can end.
    type Outcome: Clone;

    /// What to do next; `None`: nothing now.
    fn poll(&mut self, now: Time) -> Option<Action>;

    /// When `poll` will have something again, it having nothing `now`.
    fn next_wakeup(&self, now: Time) -> Option<Time>;

    /// What happened.
    fn handle(&mut self, now: Time, event: Event);

    /// What the user wants.
    fn command(&mut self, now: Time, command: Command);

    /// How it ended, once it has.
    fn outcome(&self) -> Option<&Self::Outcome>;
}

/// What can wake the loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Something happened.
    Event(Event),
    /// The user wants something.
    Command(Command),
}

/// Drives `machine` in `world` until it has an outcome.
///
/// # Errors
/// What the world reports as the end of all work.
pub fn run<M: Machine>(machine: &mut M, world: &mut impl World) -> io::Result<M::Outcome> {
    let mut inputs = Vec::new();
    loop {
        let now = world.now();
        for input in inputs.drain(..) {
            match input {
                Input::Event(event) => machine.handle(now, event),
                Input::Command(command) => machine.command(now, command),
            }
        }
        while let Some(action) = machine.poll(now) {
            world.carry_out(action)?;
        }
        if let Some(outcome) = machine.outcome() {
            return Ok(outcome.clone());
        }
        world.wait(machine.next_wakeup(now), &mut inputs)?;
    }
}
