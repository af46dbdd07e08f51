//! Topology files that are newer, damaged or hostile: each is an error or a topology, never a panic.

use prost::Message;
use topple::fold::codec::{self, wire};
use topple::fold::system;
use topple::fold::topology::Topology;
use topple::input::{Counts, Reading};
use topple::pipeline::{self, Options, Progress};
use topple::report;

use crate::dice::Dice;
use crate::order::{reread, topology_of};
use crate::shop;

fn content() -> Vec<u8> {
    let mut topology = topology_of(&shop::spans(2, 3));
    zstd::decode_all(codec::encode(&mut topology).unwrap().as_slice()).unwrap()
}

/// Reads content as a topology and, if it is one, does with it all that the program can do.
fn use_up(content: &[u8]) -> bool {
    let Ok(topology) = codec::decode("x.topo", content) else {
        return false;
    };
    let sum = Topology::merge(reread(&topology), topology.clone()).unwrap_or(topology);
    let reading = Reading {
        sources: Vec::new(),
        problems: Vec::new(),
        counts: Counts::default(),
    };
    report::build::report(
        &system::resolve(sum),
        &Default::default(),
        &reading,
        &Default::default(),
    );
    true
}

#[test]
fn a_newer_version_says_so() {
    let content = content();
    let mut message = wire::Topology::decode(&content[codec::MAGIC.len()..]).unwrap();
    message.version = codec::VERSION + 1;
    let newer = [codec::MAGIC, &message.encode_to_vec()].concat();
    let error = codec::decode("new.topo", &newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "new.topo: a topology of version 3, this program reads up to version 2"
    );
    assert_eq!(
        error.help(),
        Some("it was written by a newer topple: update this one")
    );
}

/// Returns content as the first version had it: with the exemplars of tables in their records; and how many there are.
fn of_version_1(content: &[u8]) -> (Vec<u8>, usize) {
    let mut message = wire::Topology::decode(&content[codec::MAGIC.len()..]).unwrap();
    message.version = 1;
    let mut n = 0;
    for table in &mut message.tables {
        let exemplars = std::mem::take(&mut table.exemplars);
        let word = |at: usize| u64::from_le_bytes(exemplars[at..at + 8].try_into().unwrap());
        let all = (0..exemplars.len()).step_by(24).map(|at| wire::Exemplar {
            trace_high: word(at),
            trace_low: word(at + 8),
            span: word(at + 16),
            value: 0,
        });
        let mut all = all.inspect(|_| n += 1);
        let rows = table.rows.iter_mut().filter_map(|row| row.record.as_mut());
        for record in rows.chain(&mut table.other) {
            let own = std::mem::take(&mut record.n_exemplars) as usize;
            record.exemplars.extend(all.by_ref().take(own));
        }
    }
    ([codec::MAGIC, &message.encode_to_vec()].concat(), n)
}

#[test]
fn the_first_version_is_read() {
    let content = content();
    let (older, n_exemplars) = of_version_1(&content);
    assert!(n_exemplars > 20, "{n_exemplars}");
    let [now, before] = [&content, &older].map(|content| {
        let mut topology = codec::decode("x.topo", content).unwrap();
        codec::encode(&mut topology).unwrap()
    });
    assert_ne!(older, content);
    assert!(now == before);
}

#[test]
fn exemplars_that_are_not_there_are_refused() {
    let message = wire::Topology::decode(&content()[codec::MAGIC.len()..]).unwrap();
    let damages: [fn(&mut wire::Table); 3] = [
        |table| table.exemplars.truncate(table.exemplars.len() - 1),
        |table| table.exemplars.extend([0; 24]),
        |table| table.rows[0].record.as_mut().unwrap().n_exemplars += 1,
    ];
    for damage in damages {
        let mut message = message.clone();
        let has_some = |table: &&mut wire::Table| !table.exemplars.is_empty();
        damage(message.tables.iter_mut().find(has_some).unwrap());
        let bytes = [codec::MAGIC, &message.encode_to_vec()].concat();
        assert!(codec::decode("x.topo", &bytes).is_err());
    }
}

#[test]
fn damaged_content_never_panics() {
    let content = content();
    assert!(use_up(&content), "the undamaged one");
    for end in (0..content.len()).step_by(7) {
        use_up(&content[..end]);
    }
    let (mut read, mut dice) = (0, Dice::new(1));
    for _ in 0..800 {
        let mut bytes = content.clone();
        let bit = dice.below(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        read += usize::from(use_up(&bytes));
    }
    assert!(
        (50..800).contains(&read),
        "{read} of 800 were still topologies"
    );
}

#[test]
fn damaged_files_never_panic() {
    let file = codec::encode(&mut topology_of(&shop::spans(2, 3))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.topo");
    let fold = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let options = Options {
            inputs: vec![path.to_str().unwrap().to_owned()],
            threads: 1,
            memory: pipeline::DEFAULT_MEMORY,
            window: Default::default(),
            shard: None,
            passes: Default::default(),
            policy: Default::default(),
        };
        pipeline::fold(&options, &Progress::default())
            .is_ok_and(|(_, reading)| reading.sources.iter().all(|source| source.fault.is_none()))
    };
    assert!(fold(&file));
    for end in (1..file.len()).step_by(13) {
        assert!(!fold(&file[..end]), "cut at {end} of {}", file.len());
    }
    // Tables and their exemplars are frames, and what ends with a frame looks whole to a decompressor.
    let is_frame = |at: &usize| file[*at..].starts_with(&0xfd2f_b528_u32.to_le_bytes());
    let frames: Vec<usize> = (1..file.len()).filter(is_frame).collect();
    assert!(!frames.is_empty());
    for end in frames {
        assert!(!fold(&file[..end]), "cut at {end}, behind a frame");
    }
    for bit in (0..file.len() * 8).step_by(127) {
        let mut bytes = file.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fold(&bytes);
    }
}

/// Returns content in which every count is `number` and every weighted sum the largest there is.
fn inflated(number: u64) -> Vec<u8> {
    let mut message = wire::Topology::decode(&content()[codec::MAGIC.len()..]).unwrap();
    let most = |sketch: &mut Option<wire::Sketch>| {
        if let Some(sketch) = sketch.as_mut().filter(|sketch| sketch.count > 0) {
            sketch.counts.fill(u32::MAX);
            (sketch.count, sketch.sum_low) = (number, u64::MAX);
        }
    };
    for edge in &mut message.edges {
        (edge.calls, edge.attempts, edge.served) = (u64::MAX, u64::MAX, u64::MAX);
        edge.failed_both = u64::MAX;
        edge.failed_client_only = u64::MAX;
        edge.failed_server_only = u64::MAX;
        edge.retries.fill(u64::MAX);
        edge.grades.fill(number);
        edge.traces = number;
        edge.zones.iter_mut().for_each(|pair| pair.count = number);
        edge.errors.iter_mut().for_each(|pair| pair.count = number);
        most(&mut edge.client_ns);
        most(&mut edge.server_ns);
    }
    for instance in &mut message.instances {
        (instance.spans, instance.failed, instance.health_checks) = (number, number, number);
    }
    for entry in &mut message.entries {
        (entry.requests, entry.weight, entry.failed) = (number, u64::MAX, u64::MAX);
        entry.depths.fill(number);
        most(&mut entry.duration_ns);
    }
    for shape in &mut message.shapes {
        (shape.requests, shape.weight) = (number, u64::MAX);
    }
    let account = message.account.as_mut().unwrap();
    account.classes.fill(number);
    (account.duplicates, account.unreadable) = (number, number);
    (account.traces, account.problems) = (number, number);
    [codec::MAGIC, &message.encode_to_vec()].concat()
}

#[test]
fn large_numbers_add_up_and_larger_ones_are_refused() {
    assert!(use_up(&inflated((1 << 48) - 1)));
    let error = codec::decode("x.topo", &inflated(u64::MAX)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.topo: damaged topology: a number points nowhere or is too large, or a table is cut short"
    );
}

#[test]
fn users_with_a_name_are_refused() {
    let mut message = wire::Topology::decode(&content()[codec::MAGIC.len()..]).unwrap();
    // Every number of a node would mean the one before it.
    message.nodes[0].name = 1;
    let bytes = [codec::MAGIC, &message.encode_to_vec()].concat();
    assert!(codec::decode("x.topo", &bytes).is_err());
}
