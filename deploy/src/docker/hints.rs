//! The engine's events, as hints to look again.

use std::collections::HashMap;

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures_util::{StreamExt, stream};

use super::Docker;
use crate::{engine::HintStream, labels, names::PreviewId};

/// Events that change what an observation says. A command executed inside is none of them.
const TELLING: [&str; 9] = [
    "create", "start", "die", "oom", "destroy", "rename", "pause", "unpause", "restart",
];

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
                if sender.send(preview(event)).await.is_err() {
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
