//! Unfinished uploads as people read them.

use std::time::Duration;

use indicatif::HumanBytes;

use super::ownership::Ownership;
use super::sum::Sum;
use crate::cli::cost::{Price, dollars};
use crate::s3::Key;
use crate::upload::{Stored, Unfinished};

/// One line of the table, and the id of the upload on the next.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) upload: &'a Unfinished,
    pub(super) ownership: Ownership,
}

const HEAD: [&str; 7] = ["AGE", "SIZE", "PARTS", "A MONTH", "CLASS", "HERE", "KEY, UPLOAD ID"];

/// The table; each column as wide as it must be, those that say nothing left out.
pub(super) fn table(rows: &[Row<'_>], price: Price) -> String {
    let cells: Vec<[String; 7]> = rows.iter().map(|row| cells(row, price)).collect();
    let shown = |column: usize| {
        let says = |cell: &[String; 7]| cell[column] != "-";
        !matches!(column, 4 | 5) || cells.iter().any(says)
    };
    let width = |column: usize| {
        let widths = cells.iter().map(|cell| cell[column].chars().count());
        widths.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let columns: Vec<(usize, usize)> =
        (0..6).filter(|column| shown(*column)).map(|column| (column, width(column))).collect();
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for &(column, width) in &columns {
            // Numbers to the right, words to the left.
            let padding = " ".repeat(width - cells[column].chars().count());
            let is_word = matches!(column, 4 | 5);
            let (before, behind) = if is_word { ("", &*padding) } else { (&*padding, "") };
            line.extend([before, cells[column], behind, "  "]);
        }
        line + cells[6]
    };
    let mut lines = vec![line(&HEAD)];
    for (row, cells) in rows.iter().zip(&cells) {
        lines.push(line(&cells.each_ref().map(String::as_str)));
        lines.push(format!("  {}", row.upload.upload_id));
    }
    lines.join("\n")
}

fn cells(row: &Row<'_>, price: Price) -> [String; 7] {
    let upload = row.upload;
    let (size, parts, cost) = match upload.stored {
        Some(Stored { parts, bytes }) => {
            (HumanBytes(bytes).to_string(), parts.to_string(), dollars(price.of(bytes)))
        }
        None => ("?".into(), "?".into(), "?".into()),
    };
    let here = match row.ownership {
        Ownership::Unknown => "-",
        known => known.as_str(),
    };
    [
        upload.age.map_or_else(|| "?".into(), age),
        size,
        parts,
        cost,
        upload.storage_class.clone().unwrap_or_else(|| "-".into()),
        here.into(),
        Key::listed(&upload.key).to_string(),
    ]
}

/// What all of them add up to, in two lines.
pub(super) fn total(sum: &Sum, price: Price) -> String {
    format!("{}, {} a month\n  {}", stored(sum), dollars(price.of(sum.bytes)), price.named())
}

/// How many uploads, parts and bytes.
pub(super) fn stored(sum: &Sum) -> String {
    let unknown = match sum.unknown {
        0 => String::new(),
        count => format!(" (without {count} of unknown size)"),
    };
    format!(
        "{}, {}, {}{unknown}",
        counted(sum.uploads, "upload"),
        counted(sum.parts, "part"),
        HumanBytes(sum.bytes)
    )
}

/// “1 upload”, “2 uploads”.
pub(super) fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// An age in its two largest units.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days >= 10 => format!("{days}d"),
        () if days > 0 => format!("{days}d{:02}h", hours % 24),
        () if hours > 0 => format!("{hours}h{:02}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m{:02}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::UploadId;

    fn upload(key: &str, id: &str, bytes: Option<u64>) -> Unfinished {
        Unfinished {
            key: key.into(),
            key_written: None,
            upload_id: UploadId(id.into()),
            initiated: None,
            age: bytes.map(|_| Duration::from_hours(3 * 24 + 4)),
            storage_class: None,
            stored: bytes.map(|bytes| Stored { parts: bytes >> 24, bytes }),
        }
    }

    #[test]
    fn a_table_has_the_columns_that_say_something() {
        let (big, odd) =
            (upload("logs/a.tar", "VXBsb2Fk", Some(3 << 30)), upload("b\n", "2", None));
        let mut rows = [
            Row { upload: &big, ownership: Ownership::Unknown },
            Row { upload: &odd, ownership: Ownership::Unknown },
        ];
        let price = Price::new(None);
        assert_eq!(
            table(&rows, price),
            "  AGE      SIZE  PARTS  A MONTH  KEY, UPLOAD ID\n\
             3d04h  3.00 GiB    192    $0.07  logs/a.tar\n  VXBsb2Fk\n    \
             ?         ?      ?        ?  b\\n\n  2"
        );
        rows[0].ownership = Ownership::OursLive;
        let with_class = Unfinished { storage_class: Some("STANDARD_IA".into()), ..odd.clone() };
        rows[1].upload = &with_class;
        let wide = table(&rows, price);
        assert!(wide.contains("$0.07  -            live  logs/a.tar\n"), "{wide}");
        assert!(wide.lines().all(|line| line.chars().count() <= 80), "{wide}");
    }

    #[test]
    fn ages_have_two_units() {
        for (seconds, shown) in
            [(0, "0s"), (61, "1m01s"), (3_660, "1h01m"), (90_000, "1d01h"), (864_000, "10d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn a_total_says_what_it_does_not_know() {
        let (one, two) = (upload("a", "1", Some(1 << 30)), upload("b", "2", None));
        let sum = Sum::of([&one, &two]);
        assert_eq!(stored(&sum), "2 uploads, 64 parts, 1.00 GiB (without 1 of unknown size)");
        assert!(total(&sum, Price::new(None)).contains("$0.02 a month\n  at $0.023 per GiB"));
    }
}
