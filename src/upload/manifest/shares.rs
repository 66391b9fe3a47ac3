//! A manifest cut into shares: several clients upload a file together.

use super::Manifest;
use crate::s3::{LinkedCall, Links, PartNumber};

impl Manifest {
    /// `count` shares of the parts, of as many each as can be, in order; fewer where there are
    /// fewer parts. A share may upload its parts and list what is there, and nothing else.
    #[must_use]
    pub fn shards(&self, count: u32) -> Vec<Manifest> {
        let numbers: Vec<PartNumber> = self.parts.keys().copied().collect();
        let count = (count.max(1) as usize).min(numbers.len());
        let end = |index: usize| index * numbers.len() / count;
        (0..count).map(|index| self.share_of(&numbers[end(index)..end(index + 1)])).collect()
    }

    fn share_of(&self, numbers: &[PartNumber]) -> Manifest {
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        let belongs = |call: LinkedCall| match call {
            LinkedCall::UploadPart(number) => (first..=last).contains(&number),
            LinkedCall::ListParts(_) => true,
            _ => false,
        };
        let links = self.links.iter().filter(|(call, _)| belongs(*call));
        let links: Links = links.map(|(call, link)| (call, link.clone())).collect();
        let parts = self.parts.range(first..=last).map(|(number, crc)| (*number, *crc)).collect();
        Manifest { parts, links, ..self.clone() }
    }
}
