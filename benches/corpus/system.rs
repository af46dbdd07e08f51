//! An invented system: services in layers, their operations, whom these call, databases and topics.
//!
//! Calls go from a layer to later layers only, so every request ends; popular callees make hubs.

use super::rng::Rng;

/// Everything a request can meet.
pub(super) struct System {
    pub(super) services: Vec<Service>,
    pub(super) instances: Vec<Instance>,
    pub(super) stores: Vec<Store>,
    pub(super) topics: Vec<Topic>,
    /// How many of the first services take requests from outside.
    pub(super) n_entries: usize,
}

/// One service.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) language: &'static str,
    pub(super) scope: &'static str,
    pub(super) address: String,
    /// Whether it is called by gRPC rather than HTTP.
    pub(super) rpc: bool,
    /// Whether its instrumentation writes attribute names from before they became stable.
    pub(super) old_names: bool,
    /// Its instances, as indices.
    pub(super) instances: std::ops::Range<usize>,
    pub(super) operations: Vec<Operation>,
}

/// One instance of a service: a pod.
pub(super) struct Instance {
    pub(super) service: usize,
    pub(super) id: String,
    pub(super) pod: String,
    pub(super) node: String,
    pub(super) zone: &'static str,
    pub(super) region: &'static str,
    /// How many spans it collects before it sends them.
    pub(super) batch: usize,
}

/// One operation of a service.
pub(super) struct Operation {
    /// Name of the span that serves it.
    pub(super) name: String,
    pub(super) method: &'static str,
    pub(super) route: String,
    /// Path without the last number.
    pub(super) path: String,
    /// URL without the last number.
    pub(super) url: String,
    /// Own work, in nanoseconds.
    pub(super) work: u64,
    /// Whether it makes its calls at the same time.
    pub(super) parallel: bool,
    pub(super) calls: Vec<Call>,
}

/// One call that an operation may make.
pub(super) struct Call {
    pub(super) target: Target,
    /// How often in a thousand requests.
    pub(super) per_mille: u64,
    /// In nanoseconds.
    pub(super) timeout: u64,
    pub(super) retries: u64,
}

/// What is called.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// An operation of a service.
    Service { service: usize, operation: usize },
    /// A database or a cache.
    Store(usize),
    /// A queue or a topic.
    Topic(usize),
}

/// One database.
pub(super) struct Store {
    pub(super) system: &'static str,
    pub(super) namespace: String,
    pub(super) address: String,
    pub(super) statement: String,
    pub(super) operation: &'static str,
    pub(super) collection: String,
    pub(super) span_name: String,
}

/// One queue or topic.
pub(super) struct Topic {
    pub(super) system: &'static str,
    pub(super) name: String,
    pub(super) send_name: String,
    pub(super) process_name: String,
    /// Services that take every message, with the operation that works on it.
    pub(super) consumers: Vec<(usize, usize)>,
}

const DOMAINS: [&str; 25] = [
    "cart", "order", "stock", "price", "ledger", "invoice", "parcel", "route", "voucher", "review",
    "profile", "login", "search", "media", "notice", "refund", "supplier", "tariff", "quota",
    "report", "address", "loyalty", "fraud", "catalog", "return",
];
const ROLES: [&str; 8] = [
    "api", "core", "rules", "store", "index", "sync", "history", "worker",
];
const ENTRIES: [&str; 6] = ["web", "mobile", "partner", "kiosk", "admin", "voice"];
const LANGUAGES: [(&str, &str); 5] = [
    ("java", "io.opentelemetry.tomcat-10.0"),
    (
        "go",
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
    ),
    ("nodejs", "@opentelemetry/instrumentation-http"),
    ("python", "opentelemetry.instrumentation.fastapi"),
    ("dotnet", "Microsoft.AspNetCore"),
];
const ZONES: [(&str, &str); 4] = [
    ("north-1", "north-1a"),
    ("north-1", "north-1b"),
    ("north-1", "north-1c"),
    ("south-2", "south-2a"),
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const VERBS: [&str; 6] = ["items", "status", "summary", "limits", "details", "entries"];
const STORES: [(&str, &str); 4] = [
    ("postgresql", "SELECT"),
    ("mysql", "UPDATE"),
    ("redis", "GET"),
    ("mongodb", "find"),
];

/// Last service of each layer, in thousandths of all services.
const LAYERS: [usize; 5] = [30, 220, 520, 820, 1000];

impl System {
    /// Invents a system of `n_services` services, at least ten.
    pub(super) fn new(n_services: usize, rng: &mut Rng) -> System {
        let n_services = n_services.max(10);
        let layer_ends = LAYERS.map(|end| (n_services * end / 1000).max(1));
        let mut system = System {
            services: Vec::new(),
            instances: Vec::new(),
            stores: Vec::new(),
            topics: Vec::new(),
            n_entries: layer_ends[0],
        };
        for i in 0..n_services {
            system.add_service(i, rng);
        }
        for i in 0..n_services / 10 {
            system.add_topic(i, layer_ends[2], rng);
        }
        for caller in 0..n_services {
            let layer = layer_of(&layer_ends, caller);
            for operation in 0..system.services[caller].operations.len() {
                let calls = system.invent_calls(caller, layer, layer_ends[layer], rng);
                system.services[caller].operations[operation].calls = calls;
            }
        }
        // Nobody is left without a caller.
        for service in system.n_entries..n_services {
            let caller = rng.index(layer_ends[layer_of(&layer_ends, service) - 1]);
            let call = system.call_to(service, rng.between(50, 300), rng);
            rng.pick_mut(&mut system.services[caller].operations)
                .calls
                .push(call);
        }
        system
    }

    fn add_service(&mut self, i: usize, rng: &mut Rng) {
        let name = if i < self.n_entries {
            numbered(
                &format!("{}-gateway", ENTRIES[i % ENTRIES.len()]),
                i / ENTRIES.len(),
            )
        } else {
            let role = ROLES[i / DOMAINS.len() % ROLES.len()];
            let round = i / (DOMAINS.len() * ROLES.len());
            numbered(&format!("{}-{role}", DOMAINS[i % DOMAINS.len()]), round)
        };
        let (language, scope) = *rng.pick(&LANGUAGES);
        let address = format!("{name}.shop.svc.cluster.local");
        let rpc = i >= self.n_entries && rng.per_mille(350);
        let first = self.instances.len();
        for n in 0..rng.between(2, 5) {
            let (region, zone) = *rng.pick(&ZONES);
            let id = rng.bits();
            self.instances.push(Instance {
                service: i,
                id: format!("{id:016x}-{n:04x}"),
                pod: format!("{name}-{:08x}-{:05x}", id >> 32, id & 0xf_ffff),
                node: format!("node-{zone}-{:02}", rng.below(40)),
                zone,
                region,
                batch: rng.between(12, 40) as usize,
            });
        }
        let operations = (0..rng.between(2, 6))
            .map(|n| Operation::new(&name, &address, rpc, n as usize, rng))
            .collect();
        let (system, operation) = *rng.pick(&STORES);
        let collection = format!("{}_{}", name.replace('-', "_"), rng.pick(&VERBS));
        self.stores.push(Store {
            system,
            namespace: name.replace('-', "_"),
            address: format!("{system}-{:02}.data.internal", rng.below(30)),
            statement: format!("{operation} id, state, amount, updated_at FROM {collection} WHERE id = ? AND tenant = ?"),
            operation,
            span_name: format!("{operation} {collection}"),
            collection,
        });
        self.services.push(Service {
            name,
            version: format!("{}.{}.{}", rng.below(5), rng.below(30), rng.below(10)),
            language,
            scope,
            address,
            rpc,
            old_names: rng.per_mille(300),
            instances: first..self.instances.len(),
            operations,
        });
    }

    fn add_topic(&mut self, i: usize, first_consumer: usize, rng: &mut Rng) {
        let name = numbered(
            &format!("{}.changed", DOMAINS[i % DOMAINS.len()]),
            i / DOMAINS.len(),
        );
        let consumers = (0..rng.between(1, 3)).map(|_| {
            let service = rng.between(first_consumer as u64, self.services.len() as u64) as usize;
            (service, rng.index(self.services[service].operations.len()))
        });
        let mut consumers = consumers.collect::<Vec<_>>();
        consumers.dedup_by_key(|(service, _)| *service);
        self.topics.push(Topic {
            system: if i.is_multiple_of(3) {
                "rabbitmq"
            } else {
                "kafka"
            },
            send_name: format!("send {name}"),
            process_name: format!("process {name}"),
            name,
            consumers,
        });
    }

    /// Returns the calls of one operation; `next_layer` is the first service it may call.
    fn invent_calls(
        &self,
        caller: usize,
        layer: usize,
        next_layer: usize,
        rng: &mut Rng,
    ) -> Vec<Call> {
        let mut calls = Vec::new();
        let n_services = self.services.len();
        let n_calls = match layer {
            0 => rng.between(3, 6),
            1 | 2 => rng.between(1, 4),
            3 => rng.below(2),
            _ => 0,
        };
        for _ in 0..if next_layer < n_services { n_calls } else { 0 } {
            // The smaller of two choices is popular: the first services of a layer become hubs.
            let left = n_services - next_layer;
            let service = next_layer + rng.index(left).min(rng.index(left));
            calls.push(self.call_to(service, rng.between(400, 1000), rng));
        }
        if layer > 0 {
            for _ in 0..rng.between(0, 3) {
                let target = Target::Store(caller);
                calls.push(Call {
                    target,
                    per_mille: rng.between(300, 1000),
                    timeout: 1_000_000_000,
                    retries: 0,
                });
            }
        }
        if !self.topics.is_empty() && (1..3).contains(&layer) && rng.per_mille(150) {
            let target = Target::Topic(rng.index(self.topics.len()));
            calls.push(Call {
                target,
                per_mille: 300,
                timeout: 1_000_000_000,
                retries: 0,
            });
        }
        calls
    }

    /// Returns a call to one of a service's operations.
    fn call_to(&self, service: usize, per_mille: u64, rng: &mut Rng) -> Call {
        let operation = rng.index(self.services[service].operations.len());
        Call {
            target: Target::Service { service, operation },
            per_mille,
            timeout: *rng.pick(&[250, 500, 1000, 2000]) * 1_000_000,
            retries: rng.below(3),
        }
    }
}

/// Returns the layer of a service.
fn layer_of(layer_ends: &[usize], service: usize) -> usize {
    layer_ends.partition_point(|&end| end <= service)
}

impl Operation {
    fn new(service: &str, address: &str, rpc: bool, n: usize, rng: &mut Rng) -> Operation {
        let method = *rng.pick(&METHODS);
        let noun = VERBS[n % VERBS.len()];
        let path = format!("/v1/{service}/{noun}/");
        let (name, route) = if rpc {
            let package = format!("shop.{}.v1", service.replace('-', "."));
            (format!("{package}/Get{noun}"), package)
        } else {
            let route = format!("{path}{{id}}");
            (format!("{method} {route}"), route)
        };
        Operation {
            name,
            method,
            route,
            url: format!("http://{address}:8080{path}"),
            path,
            work: rng.between(200_000, 6_000_000),
            parallel: rng.per_mille(300),
            calls: Vec::new(),
        }
    }
}

fn numbered(name: &str, round: usize) -> String {
    match round {
        0 => name.to_owned(),
        _ => format!("{name}-{}", round + 1),
    }
}
