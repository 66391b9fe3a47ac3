//! S3's limits, as a value: tests plan with parts of five bytes.

/// What a store allows. Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Smallest part but for the last.
    pub part_size_min: u64,
    /// Largest part, and largest object in a single PUT.
    pub part_size_max: u64,
    /// Largest part number.
    pub parts_max: u32,
    /// Largest object.
    pub object_size_max: u64,
}

impl Limits {
    /// Amazon S3's limits (User Guide, "Amazon S3 multipart upload limits"): 5 MiB to 5 GiB,
    /// 10,000 parts, 48.8 TiB, which is 10,000 parts of 5 GiB.
    pub const AWS: Limits = Limits {
        part_size_min: 5 << 20,
        part_size_max: 5 << 30,
        parts_max: 10_000,
        object_size_max: 10_000 * (5 << 30),
    };
}
