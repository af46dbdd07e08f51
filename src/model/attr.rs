//! The attributes topple understands, old and new names alike, as slots of a fixed table.
//!
//! A reader hands every attribute to [`Facts::set`]; one look at length and first bytes turns almost every other key
//! away. Values stay borrowed from the input. When a current and an older name of one meaning are both
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
    ($($(#[$doc:meta])* $slot:ident = [$($key:literal),+],)+) => {
        /// One meaning; its attribute names stand beside it in [`NAMES`], the current one first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Slot { $($(#[$doc])* $slot,)+ }

        /// Every slot with its attribute names, the current one first.
        pub static NAMES: &[(Slot, &[&str])] = &[$((Slot::$slot, &[$($key),+]),)+];

        /// Returns the slot of an attribute name and its rank among the names of that slot (0 = current).
        #[inline]
        pub fn slot_of(key: &str) -> Option<(Slot, u8)> {
            find(key)
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
    /// Text of a query; looked at only to recognise health checks.
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
}

/// Number of slots.
pub const N_SLOTS: usize = NAMES.len();

/// Finds the slot of a key among the names of the same length.
#[inline]
fn find(key: &str) -> Option<(Slot, u8)> {
    let table = table();
    let bucket = table.by_length.get(key.len())?;
    bucket
        .iter()
        .find(|entry| entry.0 == key)
        .map(|entry| (entry.1, entry.2))
}

struct Table {
    by_length: Vec<Vec<(&'static str, Slot, u8)>>,
}

fn table() -> &'static Table {
    static TABLE: std::sync::OnceLock<Table> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| {
        let longest = NAMES.iter().flat_map(|(_, keys)| keys.iter()).map(|key| key.len()).max();
        let mut by_length = vec![Vec::new(); longest.unwrap_or(0) + 1];
        for (slot, keys) in NAMES {
            for (rank, key) in keys.iter().enumerate() {
                by_length[key.len()].push((*key, *slot, rank as u8));
            }
        }
        Table { by_length }
    })
}

/// The understood attributes of one span or resource.
///
/// Invariant: `values[slot]` and `ranks[slot]` mean something only when bit `slot` of `present` is set.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    present: u64,
    values: [Value<'a>; N_SLOTS],
    ranks: [u8; N_SLOTS],
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Facts {
            present: 0,
            values: [Value::Other; N_SLOTS],
            ranks: [0; N_SLOTS],
        }
    }
}

impl<'a> Facts<'a> {
    /// Forgets everything.
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
        if let Some((slot, rank)) = slot_of(key) {
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
    pub fn any(&self, mask: u64) -> bool {
        self.present & mask != 0
    }
}

const _: () = assert!(N_SLOTS <= 64, "the slots must fit the bits of one word");
