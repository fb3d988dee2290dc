//! Converts the engine's events to hints for a new observation.

use std::{collections::HashMap, time::Duration};

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::{StreamExt, stream};

use super::Docker;
use crate::{engine::HintStream, labels, names::PreviewId};

/// Events that change an observation. Commands executed in a container do not.
const TELLING: [&str; 9] = [
    "create", "start", "die", "oom", "destroy", "rename", "pause", "unpause", "restart",
];

/// The engine reports an exit before its listing shows the container as restarting. So a second
/// hint follows after this time.
const LISTED_AFTER: Duration = Duration::from_millis(250);

impl Docker {
    pub(super) fn events(&self) -> HintStream {
        let mut filter: HashMap<String, Vec<String>> = self.filter(&[]);
        filter.insert("event".to_owned(), TELLING.map(str::to_owned).to_vec());
        let options = EventsOptionsBuilder::new().filters(&filter).build();
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let api = self.api().clone();
        let reader = tokio::spawn(async move {
            let mut events = Box::pin(api.events(Some(options)));
            while let Some(Ok(event)) = events.next().await {
                let ended = event.action.as_deref() == Some("die");
                let preview = preview(event);
                if ended {
                    let (sender, preview) = (sender.clone(), preview.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(LISTED_AFTER).await;
                        // The receiver may be gone.
                        let _ = sender.send(preview).await;
                    });
                }
                if sender.send(preview).await.is_err() {
                    return;
                }
            }
        });
        let reader = tokio_util::task::AbortOnDropHandle::new(reader);
        Box::pin(stream::unfold(
            (receiver, reader),
            |(mut receiver, reader)| async move {
                receiver.recv().await.map(|hint| (hint, (receiver, reader)))
            },
        ))
    }
}

fn preview(event: EventMessage) -> Option<PreviewId> {
    let attributes = event.actor?.attributes?;
    PreviewId::parse(attributes.get(labels::PREVIEW)?).ok()
}
