//! Converts the engine's events to hints for a new observation.

use std::{collections::HashMap, time::Duration};

use bollard::{
    models::{EventMessage, EventMessageTypeEnum},
    query_parameters::EventsOptionsBuilder,
};
use futures_util::{StreamExt, stream};

use super::Docker;
use crate::{engine::HintStream, labels, names::PreviewId};

/// Events that change an observation. Commands executed in a container do not.
const TELLING: [&str; 9] = [
    "create", "start", "die", "oom", "destroy", "rename", "pause", "unpause", "restart",
];

/// Events of images. They cause no hint, only a new list of images at the next observation.
const IMAGE_EVENTS: [&str; 3] = ["tag", "untag", "delete"];

/// The engine reports an exit before its listing shows the container as restarting. So a second
/// hint follows after this time.
const LISTED_AFTER: Duration = Duration::from_millis(250);

impl Docker {
    pub(super) fn events(&self) -> HintStream {
        let mut filter: HashMap<String, Vec<String>> = self.filter(&[]);
        let told = TELLING.iter().chain(&IMAGE_EVENTS);
        filter.insert("event".to_owned(), told.map(ToString::to_string).collect());
        let options = EventsOptionsBuilder::new().filters(&filter).build();
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let docker = self.clone();
        let reader = tokio::spawn(async move {
            let mut events = Box::pin(docker.api().events(Some(options)));
            let _listening = docker.image_list().listening();
            while let Some(Ok(event)) = events.next().await {
                if event.typ == Some(EventMessageTypeEnum::IMAGE) {
                    docker.image_list().changed();
                    continue;
                }
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
