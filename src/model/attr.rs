//! The attributes topple understands, old and new names alike, as slots of a fixed table.
//!
//! A reader hands every attribute to [`Facts::set`]; one look at length, first and last bytes turns almost every
//! other key away. Values stay borrowed from the input. When a current and an older name of one meaning are both
//! present, the current one wins, whatever their order. Names follow the OpenTelemetry semantic conventions v1.44.0.

/// The value of an attribute, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// An array, a map or bytes: present, but not looked into.
    Other,
}

impl<'a> Value<'a> {
    /// Returns the text; `None` when empty or not text, since an empty attribute counts as absent.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Value::Text("") => None,
            Value::Text(text) => Some(text),
            Value::Int(_) | Value::Double(_) | Value::Bool(_) | Value::Other => None,
        }
    }

    /// Returns the whole number, also when it was written as text.
    pub fn int(self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(n),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Double(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(x as i64),
            Value::Double(_) | Value::Bool(_) | Value::Other => None,
        }
    }

    /// Returns the truth value, also when it was written as text or as 0 and 1.
    pub fn truth(self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(b),
            Value::Int(n) => Some(n != 0),
            Value::Text("true" | "True" | "TRUE" | "1") => Some(true),
            Value::Text("false" | "False" | "FALSE" | "0") => Some(false),
            Value::Text(_) | Value::Double(_) | Value::Other => None,
        }
    }
}

macro_rules! slots {
    ($($(#[$doc:meta])* $slot:ident = [$($key:literal),*],)+) => {
        /// One meaning; its attribute names stand beside it in [`NAMES`], the current one first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Slot { $($(#[$doc])* $slot,)+ }

        /// Every slot with its attribute names, the current one first.
        pub static NAMES: &[(Slot, &[&str])] = &[$((Slot::$slot, &[$($key),*]),)+];

        /// Returns the slot of an attribute name and its rank among the names of that slot (0 = current).
        #[inline]
        pub fn slot_of(key: &str) -> Option<(Slot, u8)> {
            slot_of_bytes(key.as_bytes())
        }
    };
}

slots! {
    /// Name of the service.
    ServiceName = ["service.name"],
    /// Namespace of the service.
    ServiceNamespace = ["service.namespace"],
    /// Version of the service.
    ServiceVersion = ["service.version"],
    /// Instance of the service.
    ServiceInstance = ["service.instance.id"],
    /// Machine id.
    HostId = ["host.id"],
    /// Machine name, in Kubernetes often the pod.
    HostName = ["host.name"],
    /// Machine address.
    HostIp = ["host.ip"],
    /// Kubernetes node uid.
    NodeUid = ["k8s.node.uid"],
    /// Kubernetes node name.
    NodeName = ["k8s.node.name"],
    /// Kubernetes pod name.
    PodName = ["k8s.pod.name"],
    /// Kubernetes pod uid.
    PodUid = ["k8s.pod.uid"],
    /// Kubernetes cluster.
    Cluster = ["k8s.cluster.name", "k8s.cluster.uid"],
    /// Container id.
    ContainerId = ["container.id"],
    /// Cloud region.
    Region = ["cloud.region"],
    /// Cloud zone.
    Zone = ["cloud.availability_zone", "cloud.zone"],
    /// Language of the SDK.
    SdkLanguage = ["telemetry.sdk.language"],
    /// HTTP method.
    HttpMethod = ["http.request.method", "http.method"],
    /// HTTP status code.
    HttpStatus = ["http.response.status_code", "http.status_code"],
    /// HTTP route of a server.
    HttpRoute = ["http.route"],
    /// URL template of a client.
    UrlTemplate = ["url.template"],
    /// Full URL.
    UrlFull = ["url.full", "http.url"],
    /// Path of the URL.
    UrlPath = ["url.path", "http.target", "http.path"],
    /// Bytes of the body of a request.
    RequestSize = ["http.request.body.size", "http.request_content_length"],
    /// Bytes of the body of a response.
    ResponseSize = ["http.response.body.size", "http.response_content_length"],
    /// Ordinal of a resent request.
    Resend = ["http.request.resend_count", "http.resend_count", "http.retry_count"],
    /// Attempts before this one, by gRPC's own plugin.
    PreviousAttempts = ["previous-rpc-attempts", "rpc.request.metadata.grpc-previous-rpc-attempts", "rpc.grpc.request.metadata.grpc-previous-rpc-attempts"],
    /// Attempt made by the transport itself, not a retry.
    TransparentRetry = ["transparent-retry"],
    /// Ordinal of an attempt made by Envoy, from 1.
    EnvoyAttempt = ["http.request.header.x-envoy-attempt-count"],
    /// Deliveries of a message.
    DeliveryCount = ["messaging.servicebus.message.delivery_count", "messaging.gcp_pubsub.message.delivery_attempt"],
    /// Logical name of the remote service.
    PeerName = ["service.peer.name"],
    /// Logical name of the remote service, older.
    PeerService = ["peer.service"],
    /// Address of the server as the client knows it.
    ServerAddress = ["server.address"],
    /// Name of the remote host, older.
    NetPeerName = ["net.peer.name", "peer.hostname"],
    /// Address of the remote end of the connection.
    NetworkPeerAddress = ["network.peer.address"],
    /// Address of the remote end of the connection, older.
    NetSockPeer = ["net.sock.peer.name", "net.sock.peer.addr", "net.peer.ip", "peer.ipv4", "peer.ipv6"],
    /// RPC system.
    RpcSystem = ["rpc.system.name", "rpc.system"],
    /// RPC service, older; current conventions have it inside the method.
    RpcService = ["rpc.service"],
    /// RPC method.
    RpcMethod = ["rpc.method"],
    /// RPC status.
    RpcStatus = ["rpc.response.status_code", "rpc.status_code"],
    /// gRPC status number.
    GrpcStatus = ["rpc.grpc.status_code", "grpc.status_code"],
    /// Error code of Connect RPC.
    ConnectError = ["rpc.connect_rpc.error_code"],
    /// Error code of JSON-RPC.
    JsonRpcError = ["rpc.jsonrpc.error_code"],
    /// Database system.
    DbSystem = ["db.system.name", "db.system", "db.type"],
    /// Database namespace.
    DbNamespace = ["db.namespace", "db.name", "db.instance"],
    /// Index of a Redis database, older.
    DbRedisIndex = ["db.redis.database_index"],
    /// Table or collection.
    DbCollection = ["db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table"],
    /// Database operation.
    DbOperation = ["db.operation.name", "db.operation"],
    /// Low-cardinality summary of a query.
    DbSummary = ["db.query.summary"],
    /// Text of a query; looked at only to recognise health checks and what guards against lost updates.
    DbText = ["db.query.text", "db.statement"],
    /// Messaging system.
    MessagingSystem = ["messaging.system"],
    /// Queue or topic.
    Destination = ["messaging.destination.name", "messaging.destination", "message_bus.destination", "kafka.topic"],
    /// Template of the queue or topic name.
    DestinationTemplate = ["messaging.destination.template"],
    /// Type of the messaging operation.
    MessagingType = ["messaging.operation.type", "messaging.operation"],
    /// Cloud function called.
    FaasInvoked = ["faas.invoked_name"],
    /// Provider of a generative model.
    GenAi = ["gen_ai.provider.name", "gen_ai.system"],
    /// Class of the error.
    ErrorType = ["error.type"],
    /// Error flag or text of Zipkin and Jaeger.
    Error = ["error"],
    /// Status of OpenTelemetry carried over another format.
    OtelStatus = ["otel.status_code"],
    /// Who sent the request.
    UserAgent = ["user_agent.original", "http.user_agent", "user_agent"],
    /// A bot or a test.
    Synthetic = ["user_agent.synthetic.type"],
    /// The span came from Zipkin, where a call without a remote endpoint makes no link.
    Zipkin = ["zipkin.kind"],
    /// Id of a message.
    MessageId = ["messaging.message.id", "messaging.message_id"],
    /// Group of consumers of which one takes each message.
    ConsumerGroup = ["messaging.consumer.group.name", "messaging.kafka.consumer.group", "messaging.kafka.consumer_group"],
    /// Conversation a message belongs to.
    Conversation = ["messaging.message.conversation_id", "messaging.conversation_id"],
    /// Key under which the callee drops repeats of a request; captured headers are opt-in.
    IdempotencyKey = ["http.request.header.idempotency-key"],
    /// Condition of a request on the version it changes, a captured header.
    IfMatch = ["http.request.header.if-match"],
    /// Whether a query may be repeated without harm.
    Idempotent = ["cassandra.query.idempotent", "db.cassandra.idempotence"],
    /// Copies of a query sent before the first was answered.
    Speculative = ["cassandra.speculative_execution.count", "db.cassandra.speculative_execution_count"],
    /// Deadline of a gRPC call, a captured header.
    GrpcTimeout = ["rpc.request.metadata.grpc-timeout", "rpc.grpc.request.metadata.grpc-timeout"],
    /// Milliseconds Envoy gives a request, a captured header.
    EnvoyTimeout = ["http.request.header.x-envoy-expected-rq-timeout-ms"],
    /// Whose request it is.
    Tenant = ["tenant.id", "enduser.id", "enduser.pseudo.id", "user.id"],
    /// When the server's certificate ends.
    CertificateEnd = ["tls.server.not_after"],
    /// Who issued the server's certificate.
    CertificateIssuer = ["tls.server.issuer"],
    /// The cell of a cellular architecture.
    Cell = ["deployment.cell", "cell.id", "cell.name"],
    /// Where the service is deployed: production, staging.
    Environment = ["deployment.environment.name", "deployment.environment"],
    /// How important the service is.
    Criticality = ["service.criticality"],
    /// The first request of a cloud function.
    ColdStart = ["faas.coldstart", "faas.cold_start"],
    /// A feature flag that was looked at.
    FlagKey = ["feature_flag.key"],
    /// What it said.
    FlagVariant = ["feature_flag.result.variant", "feature_flag.variant"],
    /// The file of the code that made the span.
    CodeFile = ["code.file.path", "code.filepath"],
    /// The line of that code.
    CodeLine = ["code.line.number", "code.lineno"],
    /// The first attribute asked for; see [`Asked`].
    Asked0 = [],
    /// The second.
    Asked1 = [],
    /// The third.
    Asked2 = [],
    /// The fourth.
    Asked3 = [],
    /// The fifth.
    Asked4 = [],
    /// The sixth.
    Asked5 = [],
    /// The seventh.
    Asked6 = [],
    /// The eighth.
    Asked7 = [],
}

/// Names of attributes that the user asked for beside the understood ones, at most [`ASKED_MAX`]; they live as long as the
/// program, so that every reader can hold them.
pub type Asked = &'static [Box<str>];

/// The slots of attributes asked for.
pub const ASKED: [Slot; 8] = [
    Slot::Asked0,
    Slot::Asked1,
    Slot::Asked2,
    Slot::Asked3,
    Slot::Asked4,
    Slot::Asked5,
    Slot::Asked6,
    Slot::Asked7,
];

/// Most names that can be asked for.
pub const ASKED_MAX: usize = ASKED.len();

/// Number of slots.
pub const N_SLOTS: usize = NAMES.len();

const _: () = assert!(N_SLOTS <= 128, "a set of slots is a u128");

/// Returns the set of some slots, one bit each.
pub const fn mask(slots: &[Slot]) -> u128 {
    let mut mask = 0;
    let mut i = 0;
    while i < slots.len() {
        mask |= 1 << slots[i] as u128;
        i += 1;
    }
    mask
}

/// Returns the slot of an attribute name given as bytes, and its rank among the names of that slot.
///
/// A perfect hash over length, first and last bytes names the only candidate; most foreign names meet an empty cell.
#[inline]
pub fn slot_of_bytes(key: &[u8]) -> Option<(Slot, u8)> {
    let ends = Ends::of(key)?;
    let cell = TABLE.cells[ends.cell(TABLE.seed)];
    let entry = TABLE.entries.get(usize::from(cell))?;
    let found = entry.ends.first == ends.first
        && entry.ends.last == ends.last
        && entry.ends.len == ends.len
        && is_same_middle(entry.name, key);
    found.then_some((entry.slot, entry.rank))
}

/// Returns whether two names of one length that agree in their first and last eight bytes agree in between, eight bytes at
/// a time: calling what compares memory takes longer than comparing so few bytes.
#[inline]
fn is_same_middle(one: &[u8], other: &[u8]) -> bool {
    let Some(end) = one.len().checked_sub(8).filter(|end| *end > 8) else {
        return true;
    };
    let word = |name: &[u8], at: usize| name.get(at..).and_then(|rest| rest.first_chunk().copied());
    let is_same = |at: usize| {
        word(one, at).map(u64::from_le_bytes) == word(other, at).map(u64::from_le_bytes)
    };
    // The last word may overlap one that was compared before.
    (8..end - 8).step_by(8).all(is_same) && is_same(end - 8)
}

/// What the perfect hash looks at.
#[derive(Clone, Copy)]
struct Ends {
    first: u64,
    last: u64,
    len: usize,
}

impl Ends {
    /// Returns the first and the last eight bytes of a key, or the first and the last four of a shorter one;
    /// no understood name is shorter than four bytes.
    #[inline]
    const fn of(key: &[u8]) -> Option<Ends> {
        let (first, last) = match (key.first_chunk(), key.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (key.first_chunk(), key.last_chunk()) {
                (Some(first), Some(last)) => (
                    u32::from_le_bytes(*first) as u64,
                    u32::from_le_bytes(*last) as u64,
                ),
                _ => return None,
            },
        };
        Some(Ends {
            first,
            last,
            len: key.len(),
        })
    }

    /// Returns the cell of the table.
    #[inline]
    const fn cell(self, seed: u64) -> usize {
        let mixed = (self.first ^ self.last.rotate_left(29)).wrapping_add(self.len as u64);
        (mixed.wrapping_mul(seed) >> (64 - CELL_BITS)) as usize
    }
}

/// 2,048 cells for about a hundred names: a seed without collisions is found within some dozen tries.
const CELL_BITS: u32 = 11;

const N_NAMES: usize = {
    let mut n = 0;
    let mut i = 0;
    while i < NAMES.len() {
        n += NAMES[i].1.len();
        i += 1;
    }
    n
};

#[derive(Clone, Copy)]
struct Entry {
    name: &'static [u8],
    ends: Ends,
    slot: Slot,
    rank: u8,
}

/// Invariant: the cell of each name holds the index of its entry, every other cell [`Table::EMPTY`].
struct Table {
    seed: u64,
    cells: [u8; 1 << CELL_BITS],
    entries: [Entry; N_NAMES],
}

static TABLE: Table = Table::build();

impl Table {
    const EMPTY: u8 = u8::MAX;

    const fn build() -> Table {
        assert!(N_NAMES < Table::EMPTY as usize, "an index must fit a byte");
        let entries = Table::entries();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        loop {
            if let Some(cells) = Table::cells(&entries, seed) {
                return Table {
                    seed,
                    cells,
                    entries,
                };
            }
            seed = seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2);
        }
    }

    const fn entries() -> [Entry; N_NAMES] {
        let blank = Entry {
            name: b"",
            ends: Ends {
                first: 0,
                last: 0,
                len: 0,
            },
            slot: NAMES[0].0,
            rank: 0,
        };
        let mut entries = [blank; N_NAMES];
        let mut n = 0;
        let mut i = 0;
        while i < NAMES.len() {
            let (slot, names) = NAMES[i];
            let mut rank = 0;
            while rank < names.len() {
                let name = names[rank].as_bytes();
                entries[n] = Entry {
                    name,
                    ends: match Ends::of(name) {
                        Some(ends) => ends,
                        None => panic!("an understood name has at least four bytes"),
                    },
                    slot,
                    rank: rank as u8,
                };
                n += 1;
                rank += 1;
            }
            i += 1;
        }
        entries
    }

    /// Returns the filled cells, unless two names share one under this seed.
    const fn cells(entries: &[Entry; N_NAMES], seed: u64) -> Option<[u8; 1 << CELL_BITS]> {
        let mut cells = [Table::EMPTY; 1 << CELL_BITS];
        let mut i = 0;
        while i < entries.len() {
            let cell = entries[i].ends.cell(seed);
            if cells[cell] != Table::EMPTY {
                return None;
            }
            cells[cell] = i as u8;
            i += 1;
        }
        Some(cells)
    }
}

/// The understood attributes of one span or resource.
///
/// Invariant: `values[slot]` and `ranks[slot]` mean something only when bit `slot` of `present` is set.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    present: u128,
    values: [Value<'a>; N_SLOTS],
    ranks: [u8; N_SLOTS],
    asked: Asked,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Facts {
            present: 0,
            values: [Value::Other; N_SLOTS],
            ranks: [0; N_SLOTS],
            asked: &[],
        }
    }
}

impl<'a> Facts<'a> {
    /// Returns empty facts that keep the attributes asked for as well.
    pub fn asking(asked: Asked) -> Facts<'a> {
        Facts {
            asked,
            ..Facts::default()
        }
    }

    /// Returns the slot of an attribute name and its rank among the names of that slot.
    #[inline]
    pub fn slot_of_bytes(&self, key: &[u8]) -> Option<(Slot, u8)> {
        slot_of_bytes(key).or_else(|| {
            if self.asked.is_empty() {
                return None;
            }
            let at = self.asked.iter().position(|name| name.as_bytes() == key)?;
            Some((*ASKED.get(at)?, 0))
        })
    }

    /// Forgets everything but what was asked for.
    #[inline]
    pub fn clear(&mut self) {
        self.present = 0;
    }

    /// Returns whether nothing understood has been set.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// Keeps the attribute if its name is understood. A current name wins over an older one.
    #[inline]
    pub fn set(&mut self, key: &str, value: Value<'a>) {
        if let Some((slot, rank)) = self.slot_of_bytes(key.as_bytes()) {
            self.put(slot, rank, value);
        }
    }

    /// Sets a slot directly; `rank` is the name's place among the slot's names.
    #[inline]
    pub fn put(&mut self, slot: Slot, rank: u8, value: Value<'a>) {
        let i = slot as usize;
        if self.present & 1 << i == 0 || rank < self.ranks[i] {
            self.present |= 1 << i;
            self.values[i] = value;
            self.ranks[i] = rank;
        }
    }

    /// Returns the value of a slot.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<Value<'a>> {
        (self.present & 1 << slot as usize != 0).then(|| self.values[slot as usize])
    }

    /// Returns the slots that are present, one bit each.
    #[inline]
    pub fn present(&self) -> u128 {
        self.present
    }

    /// Returns the value of a present slot by its number.
    #[inline]
    pub fn value_at(&self, slot: usize) -> Value<'a> {
        self.values[slot]
    }

    /// Returns whether a name of the other side's host is present and not empty.
    #[inline]
    pub fn host_is_named(&self) -> bool {
        self.text(Slot::ServerAddress)
            .or_else(|| self.text(Slot::NetPeerName))
            .is_some()
    }

    /// Returns whether an address of the other side is present and not empty.
    #[inline]
    pub fn has_address(&self) -> bool {
        self.text(Slot::NetworkPeerAddress)
            .or_else(|| self.text(Slot::NetSockPeer))
            .is_some()
    }

    /// Returns the non-empty text of a slot.
    #[inline]
    pub fn text(&self, slot: Slot) -> Option<&'a str> {
        self.get(slot).and_then(Value::text)
    }

    /// Returns the whole number of a slot.
    #[inline]
    pub fn int(&self, slot: Slot) -> Option<i64> {
        self.get(slot).and_then(Value::int)
    }

    /// Returns whether any of the slots in the mask is present.
    #[inline]
    pub fn any(&self, mask: u128) -> bool {
        self.present & mask != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::mix;
    use std::collections::HashMap;

    fn by_name() -> HashMap<&'static str, (Slot, u8)> {
        NAMES
            .iter()
            .flat_map(|(slot, names)| (0..).zip(*names).map(|(rank, name)| (*name, (*slot, rank))))
            .collect()
    }

    #[test]
    fn every_name_is_found_with_its_rank() {
        let by_name = by_name();
        assert_eq!(by_name.len(), N_NAMES, "a name has one meaning");
        for (slot, names) in NAMES {
            for (rank, name) in (0..).zip(*names) {
                assert_eq!(slot_of(name), Some((*slot, rank)), "{name}");
            }
        }
    }

    #[test]
    fn near_misses_are_not_found() {
        let by_name = by_name();
        for name in NAMES.iter().flat_map(|(_, names)| *names) {
            for at in 0..=name.len() {
                let (before, behind) = name.split_at(at);
                let cut = [before, behind.get(1..).unwrap_or("")].concat();
                for key in [
                    format!("{before}x{behind}"),
                    format!("{before}.{}", behind.get(1..).unwrap_or("")),
                    cut,
                ] {
                    assert_eq!(slot_of(&key), by_name.get(key.as_str()).copied(), "{key}");
                }
            }
        }
    }

    #[test]
    fn other_keys_are_not_found() {
        let by_name = by_name();
        for number in 0..20_000 {
            let bits = mix(number);
            let length = (bits % 40) as usize;
            let key: String = (0..length)
                .map(|i| char::from(b"abcdehlmnoprstv._-"[(mix(bits + i as u64) % 18) as usize]))
                .collect();
            assert_eq!(slot_of(&key), by_name.get(key.as_str()).copied(), "{key}");
        }
        assert_eq!(slot_of(""), None);
    }

    #[test]
    fn the_current_name_wins_over_the_older_one() {
        let mut facts = Facts::default();
        facts.set("http.method", Value::Text("GET"));
        facts.set("http.request.method", Value::Text("POST"));
        facts.set("http.method", Value::Text("PUT"));
        assert_eq!(facts.text(Slot::HttpMethod), Some("POST"));
        facts.clear();
        assert!(facts.is_empty());
    }
}
