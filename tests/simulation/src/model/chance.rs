//! What people, machines and bad luck do to a preview.

use deploy::{
    engine::Network,
    fake::{KILLED, Service, ServiceAt},
    names::RevisionNumber,
};
use orchestrator::lifecycle::{Phase, Wanted, summary};

use super::{
    app::App,
    engine::Origin,
    forge::State,
    world::{Event, World},
};

/// How long a person waits for a preview.
const PATIENCE_MS: u64 = 60_000;

impl World {
    /// One thing happens.
    pub(super) fn act(&mut self) {
        match self.rng.below(54) {
            0..8 => self.push(),
            8..10 => self.push_back(),
            10..14 => self.end_or_reopen(),
            14 => self.retarget(),
            15 => self.hint(),
            16..23 => self.crash(),
            23..26 => self.visit(),
            26..31 => self.kill_service(),
            31 => self.kill_database(),
            32 => self.delete_database(),
            33..35 => self.delete_service(),
            35 => self.delete_image(),
            36 => self.delete_network(),
            37 => self.restart_engine(),
            38 => self.engine_goes_away(),
            39..41 => self.forge_goes_away(),
            41 => self.forge_lies(),
            42 => self.ask_again(),
            43 => self.remove_by_hand(),
            44..48 => self.undo(),
            48..50 => self.reset(),
            _ => self.visit(),
        }
    }

    /// A webhook: delivered once, or twice, late, or never.
    pub(super) fn hint(&mut self) {
        let copies = match self.rng.below(10) {
            0..2 => 0,
            2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let wait = self.rng.wait_ms();
            self.after(wait, Event::Hint);
        }
    }

    fn push(&mut self) {
        if self.rng.percent(40) {
            self.wait_until_settled();
        }
        if self.forge.state != State::Open {
            return;
        }
        let app = App::draw(&mut self.rng, self.apps.len());
        self.say(|| format!("push of {} ({:?})", &app.commit.as_str()[36..], app.fate));
        self.forge.head = app.commit.clone();
        self.apps.push(app);
        self.hint();
    }

    /// An older commit becomes the head again.
    fn push_back(&mut self) {
        if self.forge.state != State::Open {
            return;
        }
        let index = self.rng.index(self.apps.len());
        self.forge.head = self.apps[index].commit.clone();
        self.say(|| format!("the head is commit {} again", index + 1));
        self.hint();
    }

    fn end_or_reopen(&mut self) {
        self.forge.state = match self.forge.state {
            State::Open if self.rng.percent(4) => State::Deleted,
            State::Open if self.rng.percent(40) => State::Merged,
            State::Open => State::Closed,
            State::Closed => State::Open,
            other => other,
        };
        let state = self.forge.state;
        self.say(|| format!("the pull request is {state:?}"));
        self.hint();
    }

    fn retarget(&mut self) {
        self.forge.base += 1;
        self.hint();
    }

    fn visit(&mut self) {
        for _ in 0..=self.rng.below(3) {
            let Some(revision) = self.proxy.visit() else {
                return;
            };
            self.tally.visits += 1;
            let wait = if self.rng.percent(5) {
                40_000
            } else {
                self.rng.wait_ms()
            };
            self.after(wait, Event::Leave(revision));
        }
    }

    fn pick(&mut self, of: impl Fn(&Service<Origin>) -> bool) -> Option<ServiceAt> {
        let services = self.engine.objects.services.iter();
        let picked = services.filter(|(_, service)| of(service));
        let keys: Vec<_> = picked.map(|(key, _)| key.clone()).collect();
        keys.get(self.rng.index(keys.len())).cloned()
    }

    /// What others do to a revision that never served may be taken for its own fault.
    fn touched(&mut self, number: RevisionNumber) {
        self.excused.insert(number);
        self.proxy.requests.remove(&number);
        self.engine.outside_at = self.now;
        self.maybe_hint_engine();
    }

    fn kill_service(&mut self) {
        let Some(key) = self.pick(Service::is_running) else {
            return;
        };
        self.say(|| format!("{} {} dies", key.0, key.1));
        if let Some(service) = self.engine.objects.services.get_mut(&key) {
            service.end(KILLED);
        }
        self.touched(key.0);
    }

    fn delete_service(&mut self) {
        let Some(key) = self.pick(|_| true) else {
            return;
        };
        self.say(|| format!("{} {} is deleted by somebody", key.0, key.1));
        self.engine.objects.services.remove(&key);
        self.touched(key.0);
    }

    fn kill_database(&mut self) {
        self.engine.outside_at = self.now;
        for server in self.engine.objects.servers.values_mut() {
            server.end(KILLED);
        }
        self.excuse_all();
        self.say(|| "the databases die".to_owned());
    }

    fn delete_database(&mut self) {
        self.engine.outside_at = self.now;
        self.engine.objects.servers.clear();
        if self.rng.percent(50) {
            let data = std::mem::take(&mut self.engine.objects.data);
            self.engine.damaged.extend(data.keys().map(|at| at.0));
        }
        self.excuse_all();
        self.say(|| "the databases are deleted by somebody".to_owned());
    }

    fn delete_image(&mut self) {
        let objects = &mut self.engine.objects;
        let services = objects.services.values();
        let used: Vec<_> = services.map(|s| s.spec.image.clone()).collect();
        objects.images.retain(|_, (image, _)| used.contains(image));
        self.engine.outside_at = self.now;
        self.say(|| "unused images are pruned by somebody".to_owned());
    }

    fn delete_network(&mut self) {
        let objects = &mut self.engine.objects;
        let servers: Vec<_> = objects.servers.keys().map(|at| at.0).collect();
        let services: Vec<_> = objects.services.keys().map(|at| at.0).collect();
        objects.networks.retain(|network, _| match network {
            Network::Revision(number) => services.contains(number),
            Network::Data(generation) => servers.contains(generation) || !services.is_empty(),
        });
        self.engine.outside_at = self.now;
        self.say(|| "unused networks are pruned by somebody".to_owned());
    }

    fn restart_engine(&mut self) {
        self.say(|| "the engine restarts".to_owned());
        for service in self.engine.objects.services.values_mut() {
            service.end(KILLED);
        }
        for migration in self.engine.migrations.values_mut() {
            migration.ends_at = None;
        }
        self.proxy.requests.clear();
        self.kill_database();
        self.engine_goes_away();
    }

    fn excuse_all(&mut self) {
        let revisions = self.store.revisions.iter();
        self.excused.extend(revisions.map(|facts| facts.number));
    }

    fn engine_goes_away(&mut self) {
        self.engine.away_until = self.now + self.rng.below(20_000);
        self.say(|| "the engine goes away".to_owned());
    }

    fn forge_goes_away(&mut self) {
        self.forge.away_until = self.now + self.rng.below(60_000);
        self.say(|| "the forge goes away".to_owned());
    }

    /// For a moment the forge denies a pull request that is there; once in a life.
    fn forge_lies(&mut self) {
        if self.forge.lies_until == 0 {
            self.forge.lies_until = self.now + self.rng.below(100_000);
            self.say(|| "the forge lies".to_owned());
            self.hint();
        }
    }

    /// Somebody asks for the same commit once more.
    fn ask_again(&mut self) {
        if self.control.is_none() || self.store.desired.hold.is_some() {
            return;
        }
        self.say(|| "somebody asks for the same commit once more".to_owned());
        let observed = self.observed();
        let phase = observed.map(|observed| summary(&self.store.desired, &observed).phase);
        self.store.desired.ask_again(phase == Some(Phase::Failed));
        self.wake();
    }

    fn remove_by_hand(&mut self) {
        if self.control.is_some() && matches!(self.store.desired.wanted, Wanted::Serve(_)) {
            self.say(|| "somebody removes the preview".to_owned());
            self.store.desired.remove();
            self.wake();
        }
    }

    /// What a person sees who asks for something else than a push, once the newest revision serves
    /// or has failed.
    fn settled(&self) -> Option<orchestrator::lifecycle::Observed> {
        let observed = self.observed()?;
        let settled = self.store.desired.settled_head(&observed).is_ok();
        settled.then_some(observed)
    }

    /// Somebody is patient, up to a point.
    fn wait_until_settled(&mut self) {
        let limit = self.now + PATIENCE_MS;
        while self.settled().is_none() && self.now < limit && self.broken.is_none() {
            self.run_until(self.now + 500);
        }
    }

    /// Somebody goes back to what served before.
    fn undo(&mut self) {
        self.wait_until_settled();
        let Some(observed) = self.settled() else {
            return;
        };
        if let Ok(revision) = self.store.desired.undo(&observed) {
            self.say(|| format!("somebody goes back to {revision}"));
            self.tally.undos += 1;
            self.wake();
        }
    }

    fn reset(&mut self) {
        self.wait_until_settled();
        let Some(observed) = self.settled() else {
            return;
        };
        let only = self
            .rng
            .percent(50)
            .then(|| [super::words::database("main")].into());
        self.say(|| format!("somebody resets {only:?}"));
        // A settled preview takes it.
        let _ = self.store.desired.reset(&observed, only);
        self.wake();
    }
}
