//! The engine's older way of building: the whole context as an archive, in one call. For engines
//! that do not offer their builder directly, and for engines that are elsewhere.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bollard::{
    models::BuildInfoAux,
    query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    failure::Said,
    progress::Progress,
    run::{CACHE_MOUNT_SCOPE, cache_mount_scope, unfit},
};
use crate::{
    builder::{BuildError, BuildRequest},
    docker::{
        Docker,
        error::{classify, sentence},
        images::build_error,
        transport,
    },
    labels::Mark,
    source::{Context, context_archive},
};

/// How many bytes of randomness tell one build's session from another's.
const SESSION_BYTES: usize = 16;

/// Why the context could not be read to its end, told by the stream to whoever waits for the
/// build.
type Broken = Arc<Mutex<Option<BuildError>>>;

impl Docker {
    /// Builds and answers the image's id in the engine's form. Everything the build opens is closed
    /// when `cut` is cancelled.
    pub(in crate::docker) async fn build_from_archive(
        &self,
        request: &BuildRequest,
        context: &Context,
        (mark, tag): (&Mark, &str),
        progress: &mut Progress,
        cut: CancellationToken,
    ) -> Result<String, Said> {
        if !request.secrets.is_empty() {
            return Err(Said::Error(BuildError::failed(
                "the engine takes no secrets for builds this way; its builder has to be asked \
                 directly (engine.builder)",
            )));
        }
        let lost = |error| Said::Error(build_error(classify("the builder", error)));
        let limit = self.config().timeouts.build;
        let api = transport::client(&self.config().socket, limit, cut).map_err(lost)?;
        let broken = Broken::default();
        let body = bollard::body_try_stream(body(context, &broken).map_err(Said::Error)?);
        let options = options(request, mark, tag).map_err(Said::Error)?;
        let mut image = None;
        let mut answers = Box::pin(api.build_image(options, None, Some(body)));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => match info.aux {
                    Some(BuildInfoAux::BuildKit(status)) => progress.take(status),
                    Some(BuildInfoAux::Default(id)) => image = id.id,
                    None => {}
                },
                Err(error) => {
                    let told = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Err(match told {
                        Some(told) => Said::Error(told),
                        None if sentence(&error).is_empty() => lost(error),
                        None => Said::Builder {
                            sentence: sentence(&error).to_owned(),
                            line: None,
                        },
                    });
                }
            }
        }
        image.ok_or_else(|| {
            let why = "the build ended without an image and without a word";
            Said::Error(BuildError::Unreachable(why.to_owned()))
        })
    }
}

/// The context as it is sent. Its own error would reach us only as a broken connection.
fn body(
    context: &Context,
    broken: &Broken,
) -> Result<
    impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + use<>,
    BuildError,
> {
    let archive = context_archive(context).map_err(|error| unfit(&error))?;
    let broken = Arc::clone(broken);
    let archive = archive.map_err(move |error| {
        *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(unfit(&error));
        std::io::Error::other(error.to_string())
    });
    Ok(stream::once(std::future::ready(Ok(root_entry()))).chain(archive))
}

/// The builder takes a context for an archive only if its first 1,024 bytes are a whole entry;
/// one with a long name or a precise time is not. The folder that everything is in always is.
fn root_entry() -> bytes::Bytes {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.as_mut_bytes()[..2].copy_from_slice(b"./");
    header.set_mode(0o755);
    header.set_size(0);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    bytes::Bytes::copy_from_slice(header.as_bytes())
}

fn options(
    request: &BuildRequest,
    mark: &Mark,
    tag: &str,
) -> Result<BuildImageOptions, BuildError> {
    let mut session = [0; SESSION_BYTES];
    getrandom::fill(&mut session)
        .map_err(|error| BuildError::Unreachable(format!("no random bytes: {error}")))?;
    let scope = cache_mount_scope(request);
    let args = request.facts.iter().chain(&request.args);
    let args = args.map(|(key, value)| (key.as_str(), value.as_str()));
    // What comes last stands.
    let own = std::iter::once((CACHE_MOUNT_SCOPE, scope.as_str()));
    let args: HashMap<&str, &str> = args.chain(own).collect();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&request.dockerfile)
        .t(tag)
        .buildargs(&args)
        .labels(&mark.to_labels())
        .target(request.target.as_deref().unwrap_or_default())
        .rm(true)
        .forcerm(true)
        .version(BuilderVersion::BuilderBuildKit)
        .session(&hex::encode(session));
    Ok(options.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_is_the_root_folder_in_one_block() {
        let block = root_entry();
        assert_eq!(block.len(), 512);
        let mut archive = tar::Archive::new(&block[..]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().entry_type(), tar::EntryType::Directory);
        assert_eq!(entry.path_bytes().as_ref(), b"./");
    }
}
