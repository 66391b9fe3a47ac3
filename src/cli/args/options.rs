//! `options`: what can be typed about libcurl's options.

use clap::Subcommand;

use super::ExportArgs;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OptionsCommand {
    /// Print what curlift will set as a curl command line, a PycURL script or a config file
    #[command(after_help = super::export::EXPORT_EXAMPLES)]
    Export(ExportArgs),
}
