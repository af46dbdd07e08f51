//! The account of every source: what was read of it, and what went wrong.

use crate::error::{Error, Lost, Problem};
use crate::input::{Counts, Located, Place, Problems, Source};
use crate::lock::{alone, lock};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// What became of one source.
#[derive(Debug)]
pub struct SourceReport {
    /// The name, as the user gave it.
    pub name: String,
    /// The index of its format, or `None` when its content was not recognised.
    pub format: Option<usize>,
    /// Bytes read from disk or pipe.
    pub bytes: u64,
    /// Bytes of content, after decompression.
    pub content_bytes: u64,
    /// Records handed out.
    pub records: u64,
    /// Problems in its records.
    pub problems: u64,
    /// What the user should know though it is no fault, in a fixed order.
    pub notes: Vec<String>,
    /// Why it was not read, or not to its end; what was read before it counts.
    pub fault: Option<Error>,
}

/// What was read in the end.
#[derive(Debug)]
pub struct Reading {
    /// Every source, in the order the feed got them.
    pub sources: Vec<SourceReport>,
    /// The first problems by source and position.
    pub problems: Vec<Located>,
    /// All problems, by what they cost.
    pub counts: Counts,
}

/// Lines and records of one block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) lines: u64,
    pub(super) records: u64,
}

#[derive(Debug, Default)]
struct Account {
    format: Option<usize>,
    bytes: u64,
    content_bytes: u64,
    notes: BTreeSet<String>,
    /// The fault nearest to the start of the content, and where that is.
    fault: Option<(u64, Error)>,
    /// By block.
    tallies: Vec<Tally>,
}

/// The accounts of all sources; workers add to it a few times a block.
#[derive(Debug)]
pub(super) struct Ledger {
    names: Vec<String>,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    accounts: Vec<Account>,
    /// Records that were never handed out.
    problems: Problems,
}

impl Ledger {
    pub(super) fn new(sources: &[Source]) -> Ledger {
        let books = Books {
            accounts: sources.iter().map(|_| Account::default()).collect(),
            problems: Problems::default(),
        };
        Ledger {
            names: sources
                .iter()
                .map(|source| source.name().to_owned())
                .collect(),
            books: Mutex::new(books),
        }
    }

    pub(super) fn recognised(&self, source: u32, format: usize) {
        lock(&self.books).accounts[source as usize].format = Some(format);
    }

    /// Adds to the bytes read from disk and to the bytes of content.
    pub(super) fn bytes(&self, source: u32, bytes: u64, content_bytes: u64) {
        let account = &mut lock(&self.books).accounts[source as usize];
        account.bytes += bytes;
        account.content_bytes += content_bytes;
    }

    pub(super) fn note(&self, source: u32, note: String) {
        lock(&self.books).accounts[source as usize]
            .notes
            .insert(note);
    }

    /// Notes why a source cannot be read behind a byte of its content.
    pub(super) fn fault(&self, source: u32, byte: u64, message: &str, help: Option<&str>) {
        let mut error = Error::new(format!("{}: {message}", self.names[source as usize]));
        if let Some(help) = help {
            error = error.with_help(help);
        }
        let fault = &mut lock(&self.books).accounts[source as usize].fault;
        if fault.as_ref().is_none_or(|(earlier, _)| byte < *earlier) {
            *fault = Some((byte, error));
        }
    }

    pub(super) fn tally(&self, source: u32, block: u32, tally: Tally) {
        let tallies = &mut lock(&self.books).accounts[source as usize].tallies;
        let block = block as usize;
        if tallies.len() <= block {
            tallies.resize(block + 1, Tally::default());
        }
        tallies[block] = tally;
    }

    pub(super) fn line_too_long(&self, place: Place, record_bytes: usize) {
        let problem = Problem {
            message: format!("expected a line of at most {record_bytes} bytes, found a longer one"),
            lost: Lost::Record,
            ..Problem::default()
        };
        lock(&self.books).problems.add_at_start(place, problem);
    }

    /// Closes the accounts: places become lines, columns and byte offsets.
    pub(super) fn finish(self, mut problems: Problems) -> Reading {
        let Books {
            accounts,
            problems: own,
        } = alone(self.books);
        problems.merge(own);
        let lines_before = |place: &Place| {
            let tallies = &accounts[place.source()].tallies;
            let before = &tallies[..tallies.len().min(place.block as usize)];
            before.iter().map(|tally| tally.lines).sum()
        };
        let located = problems.locate(&self.names, lines_before);
        let mut sources = Vec::with_capacity(accounts.len());
        for (index, (account, name)) in accounts.into_iter().zip(self.names).enumerate() {
            let mut notes: Vec<String> = account.notes.into_iter().collect();
            if problems.is_unfinished(index) && account.fault.is_none() {
                notes.push(
                    "the last line is incomplete: the file was still being written".to_owned(),
                );
            }
            sources.push(SourceReport {
                name,
                format: account.format,
                bytes: account.bytes,
                content_bytes: account.content_bytes,
                records: account.tallies.iter().map(|tally| tally.records).sum(),
                problems: problems.of_source(index),
                notes,
                fault: account.fault.map(|(_, error)| error),
            });
        }
        Reading {
            sources,
            problems: located,
            counts: problems.counts(),
        }
    }
}

/// Returns the words for a last record that is not there in full.
pub(super) fn incomplete_frame(byte: u64, expected: u64, found: u64) -> String {
    format!(
        "the last record is incomplete: expected {expected} bytes at byte {byte}, found {found}; \
         the file was still being written"
    )
}
