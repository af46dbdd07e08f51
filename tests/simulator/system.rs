//! A system of services as a story tells it: who there is, what they do, who uses them, and what goes wrong when.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use crate::simulator::program::Step;

/// A system and its story.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) seed: u64,
    pub(crate) services: Vec<Service>,
    pub(crate) loads: Vec<Load>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) clocks: BTreeMap<&'static str, Clock>,
    pub(crate) distances: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) tenants: u64,
    pub(crate) cells: Vec<&'static str>,
    pub(crate) health_checks: Option<u64>,
    pub(crate) until: u64,
    pub(crate) threshold: u64,
    pub(crate) redelivered: f64,
}

/// A service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) instances: usize,
    pub(crate) workers: usize,
    pub(crate) hosts: Vec<&'static str>,
    pub(crate) zones: Vec<&'static str>,
    pub(crate) region: &'static str,
    pub(crate) shard: Option<usize>,
    pub(crate) rollout: Option<Rollout>,
    pub(crate) operations: Vec<Operation>,
}

/// What a service does when asked.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Method and route, or the name of a queue.
    pub(crate) name: &'static str,
    /// Whether it takes messages of a queue.
    pub(crate) takes_messages: bool,
    pub(crate) steps: Rc<[Step]>,
}

/// How a new version replaces the old one, one instance after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rollout {
    pub(crate) start: u64,
    pub(crate) pause: u64,
    /// An instance that keeps the old version.
    pub(crate) straggler: Option<usize>,
}

/// Users that ask for something, at random times.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    /// Mean time between requests.
    pub(crate) gap: u64,
    pub(crate) when: Range<u64>,
}

/// What a host shows for time: true time plus an offset that grows by the drift.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub(crate) offset: i64,
    /// In nanoseconds per second.
    pub(crate) drift: i64,
}

impl Clock {
    /// Returns how far the clock is ahead at some true time.
    pub(crate) fn ahead(self, at: u64) -> i64 {
        self.offset + (i128::from(self.drift) * i128::from(at) / 1_000_000_000) as i64
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) when: Range<u64>,
    pub(crate) place: Place,
    pub(crate) effect: Effect,
}

/// Where something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everywhere in a service.
    Service(&'static str),
    /// In one instance of a service, by number.
    Instance(&'static str, usize),
    /// In everything on a host.
    Host(&'static str),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Work takes so many times as long.
    Slow(f64),
    /// Such a share of requests is answered with 503.
    Fail(f64),
    /// Such a share of requests never arrives; the caller sees its connection reset.
    LoseRequests(f64),
    /// Such a share of answers never arrives; the caller sees its connection reset.
    LoseAnswers(f64),
    /// Nobody is there: connections are refused, and work under way is gone.
    Dead,
}

/// An instance of a service, where it runs.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) service: usize,
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) zone: &'static str,
    pub(crate) cell: Option<&'static str>,
}

impl System {
    /// Returns an empty system; everything random follows from the seed.
    pub(crate) fn new(seed: u64) -> System {
        System {
            seed,
            services: Vec::new(),
            loads: Vec::new(),
            faults: Vec::new(),
            clocks: BTreeMap::new(),
            distances: BTreeMap::new(),
            tenants: 1,
            cells: Vec::new(),
            health_checks: None,
            until: 0,
            threshold: 0,
            redelivered: 0.0,
        }
    }

    /// Adds a service.
    pub(crate) fn with(mut self, service: Service) -> System {
        self.services.push(service);
        self
    }

    /// Changes a service that is there.
    pub(crate) fn change(mut self, name: &str, change: impl FnOnce(Service) -> Service) -> System {
        let at = self.service(name);
        self.services[at] = change(self.services[at].clone());
        self
    }

    /// Lets users ask for an operation so many times a second, for a while.
    pub(crate) fn users(
        mut self,
        service: &'static str,
        operation: &'static str,
        per_second: f64,
        when: Range<u64>,
    ) -> System {
        self.until = self.until.max(when.end);
        self.loads.push(Load {
            service,
            operation,
            gap: (1e9 / per_second) as u64,
            when,
        });
        self
    }

    /// Lets something go wrong for a while.
    pub(crate) fn when(mut self, when: Range<u64>, place: Place, effect: Effect) -> System {
        self.faults.push(Fault {
            when,
            place,
            effect,
        });
        self
    }

    /// Lets the clock of a host be ahead by so many nanoseconds, and gain so many per second.
    pub(crate) fn clock(mut self, host: &'static str, offset: i64, drift: i64) -> System {
        self.clocks.insert(host, Clock { offset, drift });
        self
    }

    /// Says how long a packet takes from one region to the other.
    pub(crate) fn distance(mut self, one: &'static str, other: &'static str, ns: u64) -> System {
        self.distances.insert((one, other), ns);
        self.distances.insert((other, one), ns);
        self
    }

    /// Lets requests belong to so many tenants, all equally busy.
    pub(crate) fn tenants(mut self, tenants: u64) -> System {
        self.tenants = tenants;
        self
    }

    /// Splits instances and tenants into cells.
    pub(crate) fn cells<const N: usize>(mut self, cells: [&'static str; N]) -> System {
        self.cells = cells.to_vec();
        self
    }

    /// Checks the health of every instance again and again.
    pub(crate) fn health_checks(mut self, every: u64) -> System {
        self.health_checks = Some(every);
        self
    }

    /// Records one trace of so many, chosen by trace id.
    pub(crate) fn record_one_of(mut self, traces: u64) -> System {
        let all = 1u64 << 56;
        self.threshold = all - all / traces;
        self
    }

    /// Delivers a share of all messages twice.
    pub(crate) fn redelivers(mut self, share: f64) -> System {
        self.redelivered = share;
        self
    }

    /// Returns the number of a service.
    pub(crate) fn service(&self, name: &str) -> usize {
        self.services
            .iter()
            .position(|service| service.name == name)
            .unwrap_or_else(|| panic!("the story has no service {name:?}"))
    }

    /// Returns the number of an operation of a service.
    pub(crate) fn operation(&self, service: usize, name: &str) -> usize {
        let service = &self.services[service];
        service
            .operations
            .iter()
            .position(|operation| operation.name == name)
            .unwrap_or_else(|| panic!("{} has no operation {name:?}", service.name))
    }

    /// Returns every instance, service by service.
    pub(crate) fn instances(&self) -> Vec<Instance> {
        let mut instances = Vec::new();
        for (at, service) in self.services.iter().enumerate() {
            instances.extend((0..service.instances).map(|number| Instance {
                service: at,
                number,
                name: format!("{}-{number}", service.name),
                host: match service.hosts.get(number % service.hosts.len().max(1)) {
                    Some(host) => (*host).to_owned(),
                    None => format!("host-of-{}-{number}", service.name),
                },
                zone: service.zones[number % service.zones.len()],
                cell: (!self.cells.is_empty()).then(|| self.cells[number % self.cells.len()]),
            }));
        }
        instances
    }

    /// Returns what goes wrong at an instance at some time.
    pub(crate) fn effects<'a>(
        &'a self,
        instance: &'a Instance,
        now: u64,
    ) -> impl Iterator<Item = Effect> + 'a {
        let name = self.services[instance.service].name;
        self.faults
            .iter()
            .filter(move |fault| {
                let here = match fault.place {
                    Place::Service(service) => service == name,
                    Place::Instance(service, number) => {
                        service == name && number == instance.number
                    }
                    Place::Host(host) => host == instance.host,
                };
                here && fault.when.contains(&now)
            })
            .map(|fault| fault.effect)
    }

    /// Returns the clock of a host.
    pub(crate) fn clock_of(&self, host: &str) -> Clock {
        self.clocks.get(host).copied().unwrap_or_default()
    }

    /// Returns the version that an instance runs at some time.
    pub(crate) fn version(&self, instance: &Instance, now: u64) -> &'static str {
        match self.services[instance.service].rollout {
            Some(rollout)
                if rollout.straggler != Some(instance.number)
                    && now >= rollout.start + rollout.pause * instance.number as u64 =>
            {
                "2.0.0"
            }
            _ => "1.0.0",
        }
    }
}

/// A service with one instance that does eight things at once.
pub(crate) fn service(name: &'static str) -> Service {
    Service {
        name,
        instances: 1,
        workers: 8,
        hosts: Vec::new(),
        zones: vec!["zone-a"],
        region: "eu-west-1",
        shard: None,
        rollout: None,
        operations: Vec::new(),
    }
}

impl Service {
    /// Runs so many instances.
    pub(crate) fn instances(self, instances: usize) -> Service {
        Service { instances, ..self }
    }

    /// Lets each instance do so many things at once; more wait in a queue.
    pub(crate) fn workers(self, workers: usize) -> Service {
        Service { workers, ..self }
    }

    /// Puts the instances on these hosts, in turn; otherwise each has its own.
    pub(crate) fn on<const N: usize>(self, hosts: [&'static str; N]) -> Service {
        Service {
            hosts: hosts.to_vec(),
            ..self
        }
    }

    /// Puts the instances into these zones, in turn.
    pub(crate) fn zones<const N: usize>(self, zones: [&'static str; N]) -> Service {
        Service {
            zones: zones.to_vec(),
            ..self
        }
    }

    /// Puts the service into a region.
    pub(crate) fn region(self, region: &'static str) -> Service {
        Service { region, ..self }
    }

    /// Lets each tenant use only so many instances, chosen by its number.
    pub(crate) fn shard(self, instances: usize) -> Service {
        Service {
            shard: Some(instances),
            ..self
        }
    }

    /// Replaces version 1.0.0 by 2.0.0, one instance after the other; one instance may be forgotten.
    pub(crate) fn rollout(self, start: u64, pause: u64, straggler: Option<usize>) -> Service {
        Service {
            rollout: Some(Rollout {
                start,
                pause,
                straggler,
            }),
            ..self
        }
    }

    /// Answers to a method and route.
    pub(crate) fn does(self, name: &'static str, steps: impl Into<Vec<Step>>) -> Service {
        self.operation(name, false, steps.into())
    }

    /// Works on the messages of a queue.
    pub(crate) fn takes(self, queue: &'static str, steps: impl Into<Vec<Step>>) -> Service {
        self.operation(queue, true, steps.into())
    }

    fn operation(mut self, name: &'static str, takes_messages: bool, steps: Vec<Step>) -> Service {
        // A story may tell an operation anew.
        self.operations.retain(|operation| operation.name != name);
        self.operations.push(Operation {
            name,
            takes_messages,
            steps: steps.into(),
        });
        self
    }
}
