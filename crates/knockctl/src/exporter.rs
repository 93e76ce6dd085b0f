//! What knockd counts and measures, for Prometheus.

use std::{net::SocketAddr, path::Path};

use clap::Args;
use knock_exporter::{Server, Source, daemon};

use crate::values::listen;

/// What `knockctl exporter` is given.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Listen at this address
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9707", value_parser = listen)]
    pub listen: SocketAddr,
}

/// Answers Prometheus until the process is ended.
pub(crate) fn serve(arguments: &Arguments, socket: &Path) -> Result<(), String> {
    let (listen, socket) = (arguments.listen, socket.to_owned());
    let source = Source::new(move || daemon::page(&socket).map_err(|error| error.to_string()));
    let server =
        Server::bind(listen, source).map_err(|error| format!("cannot listen at {listen}: {error}"))?;
    server.run()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli;

    #[test]
    fn it_listens_to_this_host_only_unless_told_otherwise() {
        let arguments = cli::Arguments::try_parse_from(["knockctl", "exporter"]).unwrap();
        assert!(
            matches!(arguments.command, cli::Command::Exporter(exporter) if exporter.listen.ip().is_loopback())
        );
        let wrong = ["knockctl", "exporter", "--listen", "9707"];
        assert!(cli::Arguments::try_parse_from(wrong).is_err());
    }
}
