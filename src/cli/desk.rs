//! `topicwire desk`, and the desk that `serve` keeps.

use clap::{Args, Subcommand};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{CommandError, Exit, Result, print};
use crate::config::Site;
use crate::desk::{self, Token};
use crate::io::file;
use crate::steer::Helm;

/// The environment's way to the desk's token.
const VARIABLE: &str = "TOPICWIRE_DESK_TOKEN";

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a new token of 256 bits: put it into the environment as TOPICWIRE_DESK_TOKEN, or into a file of its own that
    /// TOPICWIRE_DESK_TOKEN_FILE or `token_file` in [desk] names
    Token,
}

/// `topicwire desk token`.
pub(super) fn run(options: &Options) -> Result {
    match options.what {
        What::Token => {
            let token = desk::random_hex().ok_or_else(|| CommandError::Usage("the system gives no random numbers".into()))?;
            print(&format!("{token}\n"));
            Ok(Exit::Well)
        }
    }
}

/// Opens the review desk, if the configuration has one.
pub(super) async fn open(site: &Site, helm: Helm, stop: impl Future<Output = ()> + Send + 'static) -> Result<JoinHandle<()>> {
    let Some(policy) = &site.desk else { return Ok(tokio::spawn(async {})) };
    let token = Token::new(&token(site)?).map_err(|e| CommandError::Usage(format!("the review desk's token: {e}")))?;
    let listen = policy.listen;
    let listener = TcpListener::bind(listen).await.map_err(CommandError::io(format!("cannot listen on {listen} for the review desk")))?;
    let address = listener.local_addr().map_err(CommandError::io("cannot listen"))?;
    print(&format!("the review desk is at http://{address}/\n"));
    Ok(tokio::spawn(async move {
        if let Err(error) = desk::serve(listener, desk::Desk::new(helm, token), stop).await {
            tracing::error!(%error, "the review desk is closed");
        }
    }))
}

#[expect(clippy::disallowed_methods, reason = "a secret comes from the environment, or from a file that it names")]
fn token(site: &Site) -> Result<String> {
    if let Ok(token) = std::env::var(VARIABLE) {
        return Ok(token.trim().to_owned());
    }
    let file = std::env::var_os(format!("{VARIABLE}_FILE")).map(Into::into).or_else(|| site.desk.as_ref()?.token_file.clone());
    let Some(path) = file else {
        return Err(CommandError::Usage(format!(
            "[desk] needs a token: `topicwire desk token` makes one, for {VARIABLE} or a file that token_file in [desk] names"
        )));
    };
    let bytes = file::read(&path).map_err(CommandError::io(format!("cannot read {}", path.display())))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
