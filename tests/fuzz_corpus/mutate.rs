//! Mutations of a corpus, drawn from a fixed seed: the same inputs on every machine.

use fastrand::Rng;

/// What parsers stumble over.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\r\n",
    b"\n",
    b"\xff",
    b"\xc3",
    b"\x1b[31m",
    b"\xef\xbb\xbf",
    b"&",
    b"&#",
    b"&#x0;",
    b"<",
    b"</",
    b">",
    b"]]>",
    b"<![CDATA[",
    b"<!DOCTYPE a [",
    b"<!--",
    b"\"",
    b"%",
    b"=",
    b"-1",
    b"18446744073709551616",
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 9\r\n",
];

const LENGTH_MAX: usize = 4096;

/// Draws inputs that are almost those of a corpus.
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    random: Rng,
}

impl Mutator<'_> {
    pub(crate) fn new(corpus: &[Vec<u8>]) -> Mutator<'_> {
        Mutator { corpus, random: Rng::with_seed(1) }
    }

    /// A seed, changed in one to four places.
    pub(crate) fn draw(&mut self) -> Vec<u8> {
        let mut input = self.seed().clone();
        for _ in 0..self.random.u8(1..=4) {
            self.change(&mut input);
        }
        input.truncate(LENGTH_MAX);
        input
    }

    fn seed(&mut self) -> &Vec<u8> {
        &self.corpus[self.random.usize(..self.corpus.len())]
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.usize(..=input.len());
        let end = self.random.usize(at..=input.len()).min(at + 64);
        match self.random.u8(..6) {
            0 if at < input.len() => input[at] ^= 1 << self.random.u8(..8),
            1 => input.insert(at, self.random.u8(..)),
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].repeat(self.random.usize(1..4));
                input.splice(at..at, again);
            }
            4 => {
                let other = self.seed().clone();
                let from = self.random.usize(..=other.len());
                input.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let word = WORDS[self.random.usize(..WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
}
