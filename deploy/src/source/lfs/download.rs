//! Downloads missing objects from the forge into the repository's folder.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        Mirrors, Remote, SourceError,
        limits::{LFS_AT_ONCE, LFS_BATCH_OBJECTS},
        missing::Fault,
    },
    client::Client,
    objects::Objects,
    pointer::Pointer,
};

/// Why objects are unavailable, by SHA-256.
pub(super) type Lost = HashMap<String, String>;

impl Mirrors {
    /// Downloads the missing objects and records why one is unavailable.
    ///
    /// # Errors
    /// Temporary failures, and failures on this machine. Objects received until then stay.
    pub(super) async fn receive(
        &self,
        objects: &Objects,
        wanted: &[Pointer],
        remote: &Remote,
        lost: &mut Lost,
    ) -> Result<(), SourceError> {
        let _hold = self.hold(&objects.name()).await?;
        objects.ensure().await?;
        let mut absent = BTreeMap::new();
        for pointer in wanted {
            // Another caller may have fetched the same objects meanwhile.
            if !objects.has(pointer).await {
                absent.insert(pointer.oid.as_str(), pointer.clone());
            }
        }
        let absent: Vec<Pointer> = absent.into_values().collect();
        if absent.is_empty() {
            return Ok(());
        }
        self.make_lfs_room(absent.iter().map(|one| one.size).sum())
            .await;
        let client = match Client::new(remote) {
            Ok(client) => client,
            Err(Fault::Of(error)) => return Err(error),
            Err(Fault::Said(why)) => {
                refuse(lost, &why, &absent);
                return Ok(());
            }
        };
        for batch in absent.chunks(LFS_BATCH_OBJECTS) {
            match receive_batch(&client, batch, objects, lost).await {
                Ok(()) => {}
                Err(Fault::Of(error)) => return Err(error),
                // The forge would say the same about each batch.
                Err(Fault::Said(why)) => {
                    refuse(lost, &why, &absent);
                    break;
                }
            }
        }
        Ok(())
    }
}

fn refuse(lost: &mut Lost, why: &str, pointers: &[Pointer]) {
    lost.extend(pointers.iter().map(|one| (one.oid.clone(), why.to_owned())));
}

async fn receive_batch(
    client: &Client,
    batch: &[Pointer],
    objects: &Objects,
    lost: &mut Lost,
) -> Result<(), Fault> {
    let mut places = client.batch(batch).await?;
    let unnamed = || Err("the forge's answer does not name it".to_owned());
    let asked: Vec<_> = batch
        .iter()
        .map(|pointer| {
            let place = places.remove(&pointer.oid).unwrap_or_else(unnamed);
            (pointer.clone(), place)
        })
        .collect();
    let mut received = stream::iter(asked)
        .map(|(pointer, place)| async move {
            let result = match place {
                Ok(action) => client.receive(&pointer, &action, objects).await,
                Err(why) => Err(Fault::Said(why)),
            };
            (pointer, result)
        })
        .buffer_unordered(LFS_AT_ONCE);
    while let Some((pointer, result)) = received.next().await {
        match result {
            Ok(()) => {}
            Err(Fault::Said(why)) => {
                lost.insert(pointer.oid, why);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
