//! Carries effects out, as the outside worlds and the store do.

use deploy::{
    fake::ServiceAt,
    names::{ImageId, RevisionNumber},
};
use orchestrator::lifecycle::{Answer, Ending, Outcome, Read, Wanted, intent};

use super::{
    app::Fate,
    effect::{Effect, Stop},
    engine::Origin,
    process::{Control, Flight},
    words,
    world::World,
};

/// How an effect went.
pub(super) type Done = Result<(), Stop>;

impl World {
    /// Carries one effect out. Without a flight it appears though its step is gone.
    pub(super) fn apply(
        &mut self,
        effect: Effect,
        flight: Option<&mut Flight>,
        control: Option<&mut Control>,
    ) -> Done {
        if flight.is_some() {
            if effect.needs_engine() && self.now < self.engine.away_until {
                return Err(Stop::Again("the engine is away"));
            }
            if effect.needs_forge() && self.now < self.forge.away_until {
                return Err(Stop::Again("the forge is away"));
            }
        }
        let origin = Origin {
            life: self.store.desired.life,
            late: flight.is_none(),
        };
        match effect {
            Effect::NetworkMake(network) => {
                self.engine.objects.ensure_network(network, origin);
                Ok(())
            }
            Effect::Build(key, id) => self.build(&key, id, origin, flight),
            effect if effect.is_about_data() => self.data(&effect, origin, flight),
            Effect::RunStart(revision, name) => self.run_start(revision, name, origin, flight),
            Effect::RunWait(revision) => self.run_wait(revision, flight),
            Effect::RunClean => {
                if let Some(run) = flight.and_then(|flight| flight.found.run.take()) {
                    self.engine.objects.runs.remove(&run);
                }
                Ok(())
            }
            Effect::RunRemove(run) => {
                self.engine.objects.runs.remove(&run);
                Ok(())
            }
            Effect::SvcMake(key) => self.service_make(&key, origin, flight),
            Effect::SvcStart(key) => self.service_start(&key, flight),
            Effect::SvcRemove(key) => {
                if flight.is_some() {
                    self.check_remove_service(&key);
                }
                self.engine.objects.services.remove(&key);
                Ok(())
            }
            Effect::ImageRemove(image) => {
                if flight.is_some() {
                    self.check_remove_image(&image);
                }
                self.engine.objects.remove_image(&image);
                Ok(())
            }
            Effect::StrayRemove(stray) => {
                self.engine.objects.remove_stray(&stray.id);
                Ok(())
            }
            Effect::NetworkRemove(network) => {
                if let Some(flight) = flight {
                    self.check_remove_network(&network, flight.view_at);
                }
                self.engine.objects.networks.remove(&network);
                Ok(())
            }
            other => match (flight, control) {
                (Some(flight), Some(control)) => self.attended(other, flight, control),
                _ => Ok(()),
            },
        }
    }

    /// Effects that nobody but a living control plane has.
    fn attended(&mut self, effect: Effect, flight: &mut Flight, control: &mut Control) -> Done {
        match effect {
            Effect::Ask => {
                flight.answer = self.forge.answer(self.now);
                let answered = flight.answer.as_ref().map(drop);
                return answered.ok_or(Stop::Again("the forge is away"));
            }
            Effect::ApplyRead(refresh, confirms) => self.apply_read(refresh, confirms, flight),
            Effect::Begin(number, commit, request) => {
                self.store.begin_revision(number, &commit, request);
            }
            Effect::Blueprint(number) => return self.blueprint(number),
            Effect::NoteImage(key) => {
                self.store.note_image(&key, flight.found.image.take());
            }
            Effect::Assign(number, generation, from, reseed) => {
                self.store.assign(number, generation, from, reseed);
            }
            Effect::Complete(generation, names, anew) => {
                self.store.set_complete(generation, names, anew)
            }
            Effect::Forget(key) => {
                self.check_remove_database(&key, flight);
                self.store.forget_database(&key);
            }
            Effect::Migrated(number, name) => self.store.change(number, |facts| {
                facts.migrated.insert(name);
            }),
            Effect::Probe(number) => return self.probe(number, flight),
            Effect::Healthy(number) => {
                self.store.change(number, |facts| {
                    facts.healthy = true;
                    facts.attempts.clear();
                });
            }
            Effect::Explain(key) => return self.explain(&key, control),
            Effect::GiveUp => return Err(Stop::Verdict("gave-up")),
            Effect::Served(number) => {
                self.store.served_at.entry(number).or_insert(self.now);
                self.store.change(number, |facts| facts.served = true);
            }
            Effect::Route(number) => return self.route(number, flight),
            Effect::Announce => self.proxy.announced = true,
            Effect::TakePlace => control.has_place = true,
            Effect::Unroute => {
                self.check_unroute();
                self.proxy.route = None;
            }
            Effect::Routes(to) => {
                control.observed.route = to.and_then(|number| self.routed(number, flight));
            }
            Effect::Drain(number) => return self.drain(number, flight),
            Effect::Retire(number) => self.store.set_outcome(number, Outcome::Retired),
            Effect::Settle if !flight.found.settled => {
                flight.found.settled = true;
                return Err(Stop::Wait(100));
            }
            Effect::CheckEmpty if !self.engine.objects.is_empty() => {
                return Err(Stop::Again("an object of the preview appeared again"));
            }
            Effect::ConfirmGone => {
                self.check_confirm_gone(control);
                self.store.confirm_gone();
            }
            noted => self.noted(noted),
        }
        Ok(())
    }

    /// What the forge is told, and what else is written down.
    fn noted(&mut self, effect: Effect) {
        match effect {
            Effect::Answers(key, answers) => self.store.set_answers(&key, answers),
            Effect::Comment(key) => self.forge.comment = Some(key),
            Effect::Records(records) => self.store.records = records,
            Effect::Deploy => self.forge.deployments += 1,
            Effect::DeleteDeployments => self.forge.deployments = 0,
            Effect::Reported(key) => self.store.reported = Some(key),
            _ => {}
        }
    }

    fn apply_read(&mut self, refresh: u64, confirms: Option<RevisionNumber>, flight: &mut Flight) {
        let Some(answer) = flight.answer.take() else {
            return;
        };
        self.say(|| format!("the forge says {answer:?}"));
        let read = Read {
            refresh,
            confirms,
            at_ms: self.now,
            answer,
        };
        if read.answer == Answer::Missing && self.forge.state != super::forge::State::Deleted {
            let next = intent(&self.store.desired, &read);
            if next.wanted == Wanted::Nothing(Ending::Missing)
                && self.store.desired.wanted != next.wanted
            {
                self.broke(|| "a short lie of the forge removed a preview".to_owned());
            }
        }
        self.store.desired = intent(&self.store.desired, &read);
    }

    fn blueprint(&mut self, number: RevisionNumber) -> Done {
        let Some(app) = self.app(number) else {
            return Err(Stop::Again("the revision is not known"));
        };
        if app.fate == Fate::BadBlueprint {
            return Err(Stop::Verdict("blueprint"));
        }
        let blueprint = app.blueprint.clone();
        self.store
            .change(number, |facts| facts.blueprint = Some(blueprint));
        Ok(())
    }

    fn build(
        &mut self,
        key: &ServiceAt,
        id: Option<deploy::names::ImageId>,
        origin: Origin,
        mut flight: Option<&mut Flight>,
    ) -> Done {
        if self.fate(key.0) == Fate::BuildFails {
            return Err(Stop::Verdict("build"));
        }
        if let (Some(flight), Some(id)) = (&mut flight, self.unchanged(key)) {
            flight.found.image = Some(id);
            return Ok(());
        }
        let id = id.unwrap_or_else(|| words::image(self.engine.fresh_number()));
        if let Some(flight) = flight {
            flight.found.image = Some(id.clone());
        }
        let images = &mut self.engine.objects.images;
        images.insert(key.clone(), (id, origin));
        Ok(())
    }

    /// The image of an earlier revision that was built from the same, where it is still there.
    fn unchanged(&self, key: &ServiceAt) -> Option<ImageId> {
        let recipe = self.app(key.0)?.recipe;
        let life = self.store.revision(key.0)?.life;
        let mut earlier = self.store.revisions.iter().filter(|facts| {
            facts.number < key.0
                && facts.life == life
                && self
                    .app(facts.number)
                    .is_some_and(|app| app.recipe == recipe)
        });
        earlier.find_map(|facts| {
            let image = facts.images.get(&key.1)?;
            let there = self.engine.objects.has_image(image);
            there.then(|| image.clone())
        })
    }
}
