//! curlift's own config file: where it is, and what stands in it.
//!
//! It is never looked for in the working directory: a checked-out repository must not be able to
//! set a proxy.

mod mistakes;
mod options;
mod reader;
mod settings;
mod tune;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use mistakes::{FileError, FileMistake};
pub(super) use options::header_lines;

use super::{Origin, Setting};
use crate::credentials::Environment;
use crate::curlopt::Assignment;

/// Bytes of a config file that are read at most.
const FILE_MAX: u64 = 1 << 20;

/// What stands in the file; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it was found.
    pub path: Option<PathBuf>,
    /// What holds whatever profile is chosen: the top level, `[retry]`, `[curl]`, `[curlm]`.
    pub top: Section,
    /// The same of each `[profile.NAME]`.
    pub profiles: BTreeMap<String, Section>,
    /// `[tune]`.
    pub tune: Vec<Sweep>,
}

/// Settings and options that are chosen together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// By the names of `cp`'s flags, with `_` for `-`; what one may have several of has several.
    pub settings: BTreeMap<String, Setting<Vec<String>>>,
    /// libcurl options of easy and multi handles, in the order in which they were written.
    pub options: Vec<Setting<Assignment>>,
}

/// One name of `[tune]` and the values to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// A libcurl option's, in capitals, or a setting's, as [`Section::settings`] has it.
    pub name: String,
    /// As they are typed on a command line.
    pub values: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// What may stand at the top level: the flags of the command line, which know what they take.
pub trait Vocabulary {
    /// The flag that is meant by `key`, an alias of it included, as [`Section::settings`] names it.
    fn setting(&self, key: &str) -> Option<String>;
    /// All of them.
    fn settings(&self) -> Vec<String>;
    /// What a value of the flag is.
    fn shape(&self, setting: &str) -> Shape;
    /// Whether the flag takes `values`.
    ///
    /// # Errors
    /// What it takes, in words that go on after "expected".
    fn check(&self, setting: &str, values: &[String]) -> Result<(), String>;
}

/// What the value of a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It is there or not.
    Switch,
    /// One value.
    One,
    /// Any number of `NAME=VALUE`.
    Pairs,
}

impl ConfigFile {
    /// Finds and reads it: `flag` (`--config`), else `$CURLIFT_CONFIG`, else
    /// `$XDG_CONFIG_HOME/curlift/config.toml`, else `~/.config/curlift/config.toml`; only the last
    /// two need not exist.
    ///
    /// # Errors
    /// Where it cannot be read, or with all mistakes in it.
    pub fn find(
        flag: Option<&Path>,
        environment: &Environment,
        vocabulary: &dyn Vocabulary,
    ) -> Result<ConfigFile, FileError> {
        match ConfigFile::locate(flag, environment) {
            Some(path) => ConfigFile::read(&path, vocabulary),
            None => Ok(ConfigFile::default()),
        }
    }

    /// Which file [`find`](ConfigFile::find) reads.
    #[must_use]
    pub fn locate(flag: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
        let asked = flag.map(Path::to_path_buf);
        let asked = asked.or_else(|| environment.get("CURLIFT_CONFIG").map(PathBuf::from));
        asked.or_else(|| usual_place(environment).filter(|path| path.exists()))
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// Where it cannot be read, or with all mistakes in it.
    pub fn read(path: &Path, vocabulary: &dyn Vocabulary) -> Result<ConfigFile, FileError> {
        ConfigFile::parse(path, &text_of_file(path)?, vocabulary)
    }

    /// Reads the text of a file that is named `path`.
    ///
    /// # Errors
    /// With all mistakes in it.
    pub fn parse(
        path: &Path,
        text: &str,
        vocabulary: &dyn Vocabulary,
    ) -> Result<ConfigFile, FileError> {
        let (file, mistakes) = ConfigFile::examine(path, text, vocabulary);
        if mistakes.is_empty() {
            return Ok(file);
        }
        Err(FileError::Mistakes { path: path.to_path_buf(), mistakes })
    }

    /// The same for those who want what is right beside what is wrong.
    pub fn examine(
        path: &Path,
        text: &str,
        vocabulary: &dyn Vocabulary,
    ) -> (ConfigFile, Vec<FileMistake>) {
        reader::Reader::new(path, text, vocabulary).read()
    }
}

/// The text of a config file.
///
/// # Errors
/// Where it cannot be read, or is no text.
pub fn text_of_file(path: &Path) -> Result<String, FileError> {
    let file = std::fs::File::open(path)
        .map_err(|error| FileError::Unreadable { path: path.to_path_buf(), error })?;
    text_from(path, file)
}

/// The text that `reader` gives, which is named `path`.
///
/// # Errors
/// Where it cannot be read, or is no text.
pub fn text_from(path: &Path, reader: impl Read) -> Result<String, FileError> {
    let path = path.to_path_buf();
    let mut bytes = Vec::new();
    if let Err(error) = reader.take(FILE_MAX + 1).read_to_end(&mut bytes) {
        return Err(FileError::Unreadable { path, error });
    }
    if bytes.len() as u64 > FILE_MAX {
        return Err(FileError::TooLarge { path });
    }
    String::from_utf8(bytes).map_err(|_| FileError::NotUtf8 { path })
}

/// XDG Base Directory Specification, which has relative paths ignored; where neither it nor a home
/// is known, there is none.
#[must_use]
pub fn usual_place(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let base = named.filter(|path| path.is_absolute());
    let base = base.or_else(|| Some(environment.home()?.join(".config")))?;
    Some(base.join("curlift/config.toml"))
}

#[cfg(test)]
pub(super) mod tests;
