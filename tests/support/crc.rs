//! CRC64NVME once more, byte by byte from its definition, so that a wrong checksum of ours does
//! not agree with itself.

/// Its polynomial, bits reversed (CRC catalogue, CRC-64/NVME).
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// The checksum as `x-amz-checksum-crc64nvme` carries it: base64 of eight bytes, big-endian.
pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let mut table = [0u64; 256];
    for (entry, byte) in table.iter_mut().zip(0u64..) {
        *entry = (0..8).fold(byte, |crc, _| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 });
    }
    let crc = bytes
        .iter()
        .fold(u64::MAX, |crc, byte| (crc >> 8) ^ table[usize::from((crc as u8) ^ byte)]);
    base64::engine::general_purpose::STANDARD.encode((!crc).to_be_bytes())
}

#[test]
fn the_check_value_of_the_catalogue() {
    use base64::Engine as _;
    let expected = 0xae8b_1486_0a79_9888_u64.to_be_bytes();
    let expected = base64::engine::general_purpose::STANDARD.encode(expected);
    assert_eq!(crc64nvme(b"123456789"), expected);
}
