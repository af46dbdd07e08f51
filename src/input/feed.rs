//! The feed: hands out blocks of all sources to any number of workers.

use crate::input::block::{Block, Buffer, Fill};
use crate::input::ledger::Ledger;
use crate::input::plain::{Plain, PlainFile, Range};
use crate::input::source::{Origin, Packing, read_full};
use crate::input::stream::{Content, Counted, Stream, unpacked};
use crate::input::{Framing, Outline, Problems, Reading, Source, block, guess};
use crate::lock::lock;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How much of the content a format may look at to be recognised.
const HEAD: usize = 64 << 10;

/// A first document that has no line end in so many bytes is not looked upon as a line.
const LONG_LINE: usize = 4 << 20;

/// The UTF-8 byte order mark, which is no part of the content.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Says which format content has, as an index of the caller's, and how it is cut; gets the first 64 KiB of the
/// decompressed content, or all of it when it is shorter.
pub type Recognise<'r> = &'r (dyn Fn(&[u8]) -> Option<(usize, Framing)> + Sync);

/// Bounds of what is read at once, and of what is read at all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// About so many bytes are handed out at once.
    pub chunk_bytes: usize,
    /// A longer record is not read.
    pub record_bytes: usize,
    /// Documents in content of up to so many bytes are read as a whole; longer ones are cut where their format says.
    pub whole_bytes: usize,
    /// Compressed content may be so many times as long as its file.
    pub ratio: u64,
    /// The ratio is looked at behind so many bytes of content.
    pub ratio_after_bytes: u64,
}

impl Default for Limits {
    /// Returns 128 KiB a chunk, which stay in the second-level cache, 1 GiB a record, and a ratio of 1000 behind the first 64 MiB.
    fn default() -> Limits {
        Limits {
            chunk_bytes: 128 << 10,
            record_bytes: 1 << 30,
            whole_bytes: 16 << 20,
            ratio: 1000,
            ratio_after_bytes: 64 << 20,
        }
    }
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from disks and pipes.
    pub bytes: u64,
    /// All bytes there are; unknown with a pipe among the sources.
    pub total: Option<u64>,
}

/// Hands out the blocks of all sources to workers.
///
/// Sources are opened when their turn comes. As long as a worker reads from a stream, the others take blocks of other
/// open sources or open the next one, so that many compressed files are decompressed at the same time.
pub struct Feed<'r> {
    recognise: Recognise<'r>,
    outline: fn(usize) -> Option<&'static Outline>,
    limits: Limits,
    ledger: Ledger,
    queue: Mutex<Queue>,
    /// Told when a stream comes back to the queue.
    returned: Condvar,
    bytes: Arc<AtomicU64>,
    total: Option<u64>,
}

struct Queue {
    waiting: std::iter::Enumerate<std::vec::IntoIter<Source>>,
    /// By source.
    open: Vec<Open>,
    /// Sources that a worker is opening or reading from.
    taken: usize,
}

enum Open {
    Plain(Plain),
    Stream(Stream),
}

impl Open {
    fn source(&self) -> u32 {
        match self {
            Open::Plain(plain) => plain.source,
            Open::Stream(stream) => stream.source(),
        }
    }
}

/// What a worker does next.
enum Turn {
    Read(Range),
    Stream(Stream),
    Open(u32, Source),
}

impl<'r> Feed<'r> {
    /// Returns the feed of sources in this order.
    pub fn new(sources: Vec<Source>, recognise: Recognise<'r>, limits: Limits) -> Feed<'r> {
        Feed {
            recognise,
            outline: |_| None,
            limits,
            ledger: Ledger::new(&sources),
            bytes: Arc::default(),
            total: sources.iter().map(size).sum(),
            queue: Mutex::new(Queue {
                waiting: sources.into_iter().enumerate(),
                open: Vec::new(),
                taken: 0,
            }),
            returned: Condvar::new(),
        }
    }

    /// Returns the feed, which cuts documents by the outline of their format.
    #[must_use]
    pub fn cutting(mut self, outline: fn(usize) -> Option<&'static Outline>) -> Feed<'r> {
        self.outline = outline;
        self
    }

    /// Reads the next block into the buffer; `None` when everything was handed out.
    pub fn next<'b>(&'b self, buffer: &'b mut Buffer) -> Option<Block<'b>> {
        loop {
            let fill = match self.turn(buffer)? {
                Turn::Read(range) => {
                    self.bytes.fetch_add(range.len(), Ordering::Relaxed);
                    self.ledger.bytes(range.source(), range.len(), range.len());
                    range.read(buffer, &self.limits, &self.ledger)
                }
                Turn::Stream(stream) => self.read_stream(stream, buffer),
                Turn::Open(index, source) => {
                    let mut taken = Taken {
                        feed: self,
                        open: None,
                    };
                    taken.open = self.open(index, source);
                    None
                }
            };
            if let Some(fill) = fill {
                let record_bytes = self.limits.record_bytes;
                return Some(Block::new(fill, buffer, &self.ledger, record_bytes));
            }
        }
    }

    /// Returns how far reading has come.
    pub fn progress(&self) -> Progress {
        Progress {
            bytes: self.bytes.load(Ordering::Relaxed),
            total: self.total,
        }
    }

    /// Returns what became of the sources, and where the problems are.
    pub fn finish(self, problems: Problems) -> Reading {
        self.ledger.finish(problems)
    }

    fn turn(&self, buffer: &mut Buffer) -> Option<Turn> {
        let mut queue = lock(&self.queue);
        loop {
            while !queue.open.is_empty() {
                if let Open::Plain(plain) = &mut queue.open[0] {
                    match plain.take(buffer, &self.limits, &self.ledger) {
                        Some(range) => return Some(Turn::Read(range)),
                        None => drop(queue.open.remove(0)),
                    }
                } else if let Open::Stream(stream) = queue.open.remove(0) {
                    queue.taken += 1;
                    return Some(Turn::Stream(stream));
                }
            }
            if let Some((index, source)) = queue.waiting.next() {
                queue.taken += 1;
                let index =
                    u32::try_from(index).expect("four billion sources do not fit in memory");
                return Some(Turn::Open(index, source));
            }
            if queue.taken == 0 {
                return None;
            }
            queue = self
                .returned
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read_stream(&self, mut stream: Stream, buffer: &mut Buffer) -> Option<Fill> {
        let mut taken = Taken {
            feed: self,
            open: None,
        };
        let fill = stream.read(buffer, &self.limits, &self.ledger);
        taken.open = (!stream.is_done()).then_some(Open::Stream(stream));
        fill
    }

    /// Opens a source; `None` when there is nothing to read in it, and the ledger says why.
    fn open(&self, index: u32, source: Source) -> Option<Open> {
        let opened = match source.origin {
            Origin::Path(path) => self.open_path(index, &path),
            Origin::Stream(stream) => self.open_stream(index, stream),
            Origin::Unreadable(error) => Err(error),
        };
        opened.unwrap_or_else(|error| {
            let message = format!("cannot be opened: {}", crate::error::reason(&error));
            self.ledger.fault(index, 0, &message, None);
            None
        })
    }

    fn open_path(&self, index: u32, path: &Path) -> io::Result<Option<Open>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Files of a size that is not known before, as in /proc, are read like pipes.
        if !metadata.is_file() || metadata.len() == 0 {
            return self.open_stream(index, Box::new(file));
        }
        let file = PlainFile::new(file);
        let mut head = vec![0; HEAD];
        let n = file.read_at(&mut head, 0)?;
        head.truncate(n);
        if Packing::of(&head).is_some() {
            return self.open_stream(index, Box::new(file.into_file()));
        }
        let complete = metadata.len() <= head.len() as u64;
        let Some((format, content)) = self.recognised(index, &head, complete, None) else {
            return Ok(None);
        };
        let can_be_cut = (self.outline)(format.0).is_some();
        let is_cut = can_be_cut
            && match format.1 {
                Framing::Documents => metadata.len() > self.limits.whole_bytes as u64,
                Framing::Lines => {
                    metadata.len() > LONG_LINE as u64 && !file.has_line_end(LONG_LINE)?
                }
                Framing::Whole | Framing::Frames | Framing::Varints => false,
            };
        if is_cut {
            return self.open_stream(index, Box::new(file.into_file()));
        }
        let (content, size) = (content as u64, metadata.len());
        self.bytes.fetch_add(content, Ordering::Relaxed);
        self.ledger.bytes(index, content, content);
        let plain = Plain::new(file, index, format, content, size);
        Ok(Some(Open::Plain(plain)))
    }

    fn open_stream(&self, index: u32, reader: Box<dyn Read + Send>) -> io::Result<Option<Open>> {
        let own = Arc::<AtomicU64>::default();
        let mut counted = Counted {
            inner: reader,
            own: Arc::clone(&own),
            all: Arc::clone(&self.bytes),
        };
        let mut magic = vec![0; 4];
        let (n, outcome) = read_full(&mut counted, &mut magic);
        outcome?;
        magic.truncate(n);
        let packing = Packing::of(&magic);
        let whole = Cursor::new(magic).chain(counted);
        let reader: Box<dyn Read + Send> = match packing {
            Some(packing) => unpacked(packing, whole)?,
            None => Box::new(whole),
        };
        let mut content = Content::new(index, packing, reader, own);
        let head = content.head(HEAD, &self.limits, &self.ledger).to_vec();
        let recognised = self.recognised(index, &head, head.len() < HEAD, packing);
        Ok(recognised.map(|((format, mut framing), start)| {
            let outline = (self.outline)(format);
            let may_be_cut = framing == Framing::Documents && outline.is_some();
            let outline = outline.filter(|_| {
                !may_be_cut || content.exceeds(self.limits.whole_bytes, &self.limits, &self.ledger)
            });
            let is_long = framing == Framing::Lines
                && outline.is_some()
                && !content.find_line_end(LONG_LINE, &self.limits, &self.ledger)
                && !content.is_exhausted();
            if is_long {
                framing = Framing::Documents;
            }
            content.skip_head(start);
            let stream = Stream::new(content, (format, framing), start as u64);
            Open::Stream(stream.cut_by(outline, &self.limits, is_long))
        }))
    }

    /// Returns the format and framing of content and where it begins; says in the ledger when it has none.
    fn recognised(
        &self,
        index: u32,
        head: &[u8],
        complete: bool,
        packing: Option<Packing>,
    ) -> Option<((usize, Framing), usize)> {
        let text = head.strip_prefix(BOM).unwrap_or(head);
        if complete && block::is_blank(text) {
            let empty = if text.is_empty() {
                "the file is empty"
            } else {
                "the file holds only white space"
            };
            self.ledger.note(index, empty.to_owned());
            return None;
        }
        let as_text = (self.recognise)(text).filter(|(_, framing)| match framing {
            Framing::Lines | Framing::Documents => true,
            Framing::Whole | Framing::Frames | Framing::Varints => text.len() == head.len(),
        });
        let found = match as_text {
            Some(format) => Some((format, head.len() - text.len())),
            None => (self.recognise)(head).map(|format| (format, 0)),
        };
        match found {
            Some(((format, _), _)) => self.ledger.recognised(index, format),
            None => {
                let guess = guess::guess(head);
                let packed = packing.map_or(String::new(), |packing| {
                    format!(" (decompressed from {})", packing.name())
                });
                let message = format!("expected traces, found {}{packed}", guess.what);
                self.ledger.fault(index, 0, &message, guess.help);
            }
        }
        found
    }
}

/// Returns the bytes of a source on disk: none when it cannot be opened, unknown when it is a pipe.
fn size(source: &Source) -> Option<u64> {
    match &source.origin {
        Origin::Path(path) => match fs::metadata(path) {
            Ok(metadata) => metadata.is_file().then_some(metadata.len()),
            Err(_) => Some(0),
        },
        Origin::Stream(_) => None,
        Origin::Unreadable(_) => Some(0),
    }
}

/// A source taken from the queue; goes back to it, if there is more to read, even when the worker panics.
struct Taken<'f> {
    feed: &'f Feed<'f>,
    open: Option<Open>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.feed.queue);
        queue.taken -= 1;
        if let Some(open) = self.open.take() {
            let at = queue
                .open
                .partition_point(|other| other.source() < open.source());
            queue.open.insert(at, open);
        }
        drop(queue);
        self.feed.returned.notify_all();
    }
}
