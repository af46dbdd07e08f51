//! Pipes and compressed files: read in turn, by one worker at a time, into that worker's buffer.

use crate::input::block::{Buffer, Fill};
use crate::input::cutter::{Cutter, Event};
use crate::input::frame::{self, HEADER_MAX, Header};
use crate::input::ledger::{Ledger, incomplete_frame};
use crate::input::part::Outline;
use crate::input::source::{Packing, read_full};
use crate::input::{Framing, Limits};
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of a compressed file is read at once.
const PACKED_BUFFER: usize = 256 << 10;

/// How much is read at once to find the end of an element.
const STEP: usize = 64 << 10;

/// How much of a text that makes no sense is handed out behind the place where that begins.
const SHOWN: usize = 64;

/// Counts the bytes that come from disk or pipe.
pub(super) struct Counted {
    pub(super) inner: Box<dyn Read + Send>,
    /// Bytes of this source.
    pub(super) own: Arc<AtomicU64>,
    /// Bytes of all sources.
    pub(super) all: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.own.fetch_add(n as u64, Ordering::Relaxed);
        self.all.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Returns the content of compressed bytes.
pub(super) fn unpacked(
    packing: Packing,
    packed: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    let packed = BufReader::with_capacity(PACKED_BUFFER, packed);
    Ok(match packing {
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
    })
}

/// Content that can only be read from front to back.
pub(super) struct Content {
    pub(super) source: u32,
    pub(super) packing: Option<Packing>,
    reader: Box<dyn Read + Send>,
    /// Bytes taken from disk or pipe, by the reader.
    packed_bytes: Arc<AtomicU64>,
    /// Those of them that are in the ledger.
    entered_bytes: u64,
    content_bytes: u64,
    /// Whether the reader has no more, or what it has is of no use.
    exhausted: bool,
    /// The first bytes, which were looked at before they are read.
    head: Vec<u8>,
    /// How much of the head was read.
    head_read: usize,
}

impl Content {
    pub(super) fn new(
        source: u32,
        packing: Option<Packing>,
        reader: Box<dyn Read + Send>,
        packed_bytes: Arc<AtomicU64>,
    ) -> Content {
        Content {
            source,
            packing,
            reader,
            packed_bytes,
            entered_bytes: 0,
            content_bytes: 0,
            exhausted: false,
            head: Vec::new(),
            head_read: 0,
        }
    }

    /// Reads on until the head has `len` bytes or a line end is found; returns whether it was.
    pub(super) fn find_line_end(&mut self, len: usize, limits: &Limits, ledger: &Ledger) -> bool {
        let mut looked_at = 0;
        loop {
            if memchr::memchr(b'\n', &self.head[looked_at..]).is_some() {
                return true;
            }
            looked_at = self.head.len();
            if self.exhausted || looked_at >= len {
                return false;
            }
            let mut more = vec![0; (2 * looked_at).min(len) - looked_at];
            let n = self.fetch(&mut more, limits, ledger);
            self.head.extend_from_slice(&more[..n]);
        }
    }

    /// Returns the first bytes, at most `len`, without reading past them.
    pub(super) fn head(&mut self, len: usize, limits: &Limits, ledger: &Ledger) -> &[u8] {
        let mut head = vec![0; len];
        let n = self.fetch(&mut head, limits, ledger);
        head.truncate(n);
        self.head = head;
        &self.head
    }

    /// Reads on until the head has more than `len` bytes; returns whether there are so many.
    pub(super) fn exceeds(&mut self, len: usize, limits: &Limits, ledger: &Ledger) -> bool {
        while !self.exhausted && self.head.len() <= len {
            let wanted = (2 * self.head.len()).clamp(STEP, len.max(STEP) + 1);
            let mut more = vec![0; wanted];
            let n = self.fetch(&mut more, limits, ledger);
            self.head.extend_from_slice(&more[..n]);
        }
        self.head.len() > len
    }

    /// Returns whether there is nothing behind the head.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Leaves out the first bytes of the head.
    pub(super) fn skip_head(&mut self, bytes: usize) {
        self.head_read = bytes;
    }

    /// Returns whether everything was read.
    pub(super) fn is_ended(&self) -> bool {
        self.exhausted && self.head_read == self.head.len()
    }

    /// Leaves out the rest.
    fn end(&mut self) {
        self.exhausted = true;
        self.head_read = self.head.len();
    }

    /// Reads until the buffer is full or the content ends; returns how much was read.
    fn read(&mut self, buffer: &mut [u8], limits: &Limits, ledger: &Ledger) -> usize {
        let head = &self.head[self.head_read..];
        let n = head.len().min(buffer.len());
        buffer[..n].copy_from_slice(&head[..n]);
        self.head_read += n;
        n + self.fetch(&mut buffer[n..], limits, ledger)
    }

    /// Reads behind the head until the buffer is full or the content ends. What ends it early becomes a fault.
    fn fetch(&mut self, buffer: &mut [u8], limits: &Limits, ledger: &Ledger) -> usize {
        if self.exhausted || buffer.is_empty() {
            return 0;
        }
        let (n, outcome) = read_full(&mut *self.reader, buffer);
        self.content_bytes += n as u64;
        let packed = self.packed_bytes.load(Ordering::Relaxed);
        ledger.bytes(self.source, packed - self.entered_bytes, n as u64);
        self.entered_bytes = packed;
        self.exhausted = n < buffer.len();
        match (outcome, self.packing) {
            (Err(error), Some(packing)) => {
                self.exhausted = true;
                let name = packing.name();
                let message = if error.kind() == io::ErrorKind::UnexpectedEof {
                    format!(
                        "the {name} data ends early, after {} bytes of content",
                        self.content_bytes
                    )
                } else {
                    format!(
                        "expected {name} data, found a fault after {} bytes of content",
                        self.content_bytes
                    )
                };
                let help = "what came before was read; the file may be cut or still being written";
                ledger.fault(self.source, self.content_bytes, &message, Some(help));
            }
            (Err(error), None) => {
                self.exhausted = true;
                read_fault(ledger, self.source, self.content_bytes, &error);
            }
            (Ok(()), Some(_))
                if self.content_bytes > limits.ratio_after_bytes
                    && self.content_bytes / packed.max(1) >= limits.ratio =>
            {
                self.exhausted = true;
                let message = format!(
                    "expected content at most {} times the size of the file, found more: {} bytes out of {packed}",
                    limits.ratio, self.content_bytes
                );
                let help = "what came before was read; decompress the file first if it is what it should be";
                ledger.fault(self.source, self.content_bytes, &message, Some(help));
            }
            (Ok(()), _) => {}
        }
        n
    }
}

/// Content whose format is known, with what was read but not handed out.
pub(super) struct Stream {
    content: Content,
    format: usize,
    framing: Framing,
    /// Part of a record, which the next block begins with.
    carry: Vec<u8>,
    /// Offset of the carry in the content.
    byte: u64,
    next_block: u32,
    /// Whether the carry goes on with a line that was too long.
    in_long_line: bool,
    /// Where the documents can be cut, if they can.
    cutter: Option<Box<Cutter>>,
    /// Whether the documents are lines, the first of which is long.
    are_lines: bool,
}

/// How far whole records go.
enum Reach {
    /// So many bytes are whole records.
    To(usize),
    /// Not even one, and so many bytes may be needed.
    Needs(usize),
    /// The first record cannot be read; its length, if there is one.
    Never(Option<u64>),
}

impl Stream {
    pub(super) fn new(content: Content, (format, framing): (usize, Framing), byte: u64) -> Stream {
        Stream {
            content,
            format,
            framing,
            carry: Vec::new(),
            byte,
            next_block: 0,
            in_long_line: false,
            cutter: None,
            are_lines: false,
        }
    }

    /// Returns the stream, whose documents can be cut by an outline.
    pub(super) fn cut_by(
        mut self,
        outline: Option<&'static Outline>,
        limits: &Limits,
        are_lines: bool,
    ) -> Stream {
        if self.framing == Framing::Documents {
            let cutter = |outline| Box::new(Cutter::new(outline, limits.record_bytes, self.byte));
            self.cutter = outline.map(cutter);
        }
        self.are_lines = are_lines;
        self
    }

    pub(super) fn source(&self) -> u32 {
        self.content.source
    }

    /// Returns whether there is nothing left.
    pub(super) fn is_done(&self) -> bool {
        self.content.is_ended() && self.carry.is_empty()
    }

    /// Reads the next block; `None` when these bytes hold no whole record.
    pub(super) fn read(
        &mut self,
        buffer: &mut Buffer,
        limits: &Limits,
        ledger: &Ledger,
    ) -> Option<Fill> {
        if let Some(cutter) = self.cutter.take() {
            return self.read_part(cutter, buffer, limits, ledger);
        }
        let mut filled = self.carry.len();
        let mut wanted = limits.chunk_bytes.max(filled + 1);
        buffer.fresh(wanted, 0)[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        loop {
            let room = &mut buffer.grow(wanted)[filled..wanted];
            filled += self.content.read(room, limits, ledger);
            if self.in_long_line {
                return self.skip(&buffer.bytes()[..filled]);
            }
            match self.reach(&buffer.bytes()[..filled], limits) {
                Reach::To(end) => return self.hand_out(&buffer.bytes()[..filled], end, false),
                Reach::Needs(more) if !self.content.is_ended() => wanted = more.max(filled + 1),
                Reach::Needs(more) => {
                    let incomplete = incomplete_frame(self.byte, more as u64, filled as u64);
                    ledger.note(self.content.source, incomplete);
                    return None;
                }
                Reach::Never(None) if self.framing == Framing::Lines => {
                    self.in_long_line = true;
                    return self.hand_out(&buffer.bytes()[..filled], 0, true);
                }
                Reach::Never(len) => {
                    self.content.end();
                    match self.framing {
                        Framing::Lines | Framing::Documents | Framing::Whole => {
                            document_fault(ledger, self.content.source, limits);
                        }
                        Framing::Frames | Framing::Varints => {
                            frame_fault(ledger, self.content.source, self.byte, len, limits);
                        }
                    }
                    return None;
                }
            }
        }
    }

    /// Reads the next part of the documents; `None` when there is none.
    fn read_part(
        &mut self,
        mut cutter: Box<Cutter>,
        buffer: &mut Buffer,
        limits: &Limits,
        ledger: &Ledger,
    ) -> Option<Fill> {
        let lead = cutter.begin();
        let mut filled = lead.len() + self.carry.len();
        let goal = lead.len() + limits.chunk_bytes.max(1);
        let mut wanted = filled.max(goal + limits.chunk_bytes.min(STEP));
        let room = buffer.fresh(wanted, 0);
        room[..lead.len()].copy_from_slice(&lead);
        room[lead.len()..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        let (end, closers) = loop {
            match cutter.scan(&buffer.bytes()[..filled], goal) {
                Event::More if self.content.is_ended() => break (filled, Vec::new()),
                // Keys and values too small to be looked at one by one may add up.
                Event::More if filled.saturating_sub(goal) <= limits.record_bytes => {
                    if wanted == filled {
                        wanted += (filled / 2).max(limits.chunk_bytes.clamp(1, STEP));
                    }
                    let room = &mut buffer.grow(wanted)[filled..wanted];
                    filled += self.content.read(room, limits, ledger);
                }
                Event::More | Event::TooLong => {
                    let byte = cutter.unit_byte(&buffer.bytes()[..filled]);
                    element_fault(ledger, self.content.source, byte, limits);
                    self.content.end();
                    let (end, in_list) = cutter.last_end();
                    let closers = if in_list {
                        cutter.closers()
                    } else {
                        Vec::new()
                    };
                    break (end, closers);
                }
                Event::Drop { from, to, is_all } => {
                    let room = buffer.grow(filled);
                    if is_all {
                        room[from - 1] = b'0';
                    }
                    room.copy_within(to..filled, from);
                    filled -= to - from;
                }
                Event::Cut { end, next } => {
                    self.carry.extend_from_slice(&buffer.bytes()[next..filled]);
                    break (end, cutter.closers());
                }
                Event::Broken(at) if filled < at + SHOWN && !self.content.is_ended() => {
                    let room = &mut buffer.grow(at + SHOWN)[filled..at + SHOWN];
                    filled += self.content.read(room, limits, ledger);
                }
                Event::Broken(at) => {
                    // What comes behind belongs to nothing; the format says what is wrong here.
                    self.content.end();
                    break (
                        whole_characters(&buffer.bytes()[..filled.min(at + SHOWN)]),
                        Vec::new(),
                    );
                }
            }
        };
        let len = end + closers.len();
        buffer.grow(len)[end..len].copy_from_slice(&closers);
        let part = cutter.take_part();
        let fill = Fill {
            source: self.content.source,
            block: self.next_block,
            format: self.format,
            framing: self.framing,
            start: 0,
            end: len,
            tail: len,
            byte: part.spot(&buffer.bytes()[..len], lead.len()).byte,
            cut: false,
            ends_content: self.are_lines && self.content.is_ended() && self.carry.is_empty(),
        };
        buffer.hold(part);
        self.next_block += 1;
        self.cutter = Some(cutter);
        (end > lead.len()).then_some(fill)
    }

    fn hand_out(&mut self, bytes: &[u8], end: usize, cut: bool) -> Option<Fill> {
        self.carry.extend_from_slice(&bytes[end..]);
        let fill = Fill {
            source: self.content.source,
            block: self.next_block,
            format: self.format,
            framing: self.framing,
            start: 0,
            end,
            tail: end,
            byte: self.byte,
            cut,
            ends_content: false,
        };
        self.byte += end as u64;
        self.next_block += 1;
        (end > 0 || cut).then_some(fill)
    }

    /// Leaves out the rest of a line that was too long.
    fn skip(&mut self, bytes: &[u8]) -> Option<Fill> {
        let newline = memchr::memchr(b'\n', bytes);
        self.in_long_line = newline.is_none();
        let skipped = newline.map_or(bytes.len(), |at| at + 1);
        self.byte += skipped as u64;
        self.carry.extend_from_slice(&bytes[skipped..]);
        None
    }

    fn reach(&self, bytes: &[u8], limits: &Limits) -> Reach {
        match self.framing {
            Framing::Lines => match memchr::memrchr(b'\n', bytes) {
                _ if self.content.is_ended() => Reach::To(bytes.len()),
                Some(at) => Reach::To(at + 1),
                None if bytes.len() > limits.record_bytes => Reach::Never(None),
                None => Reach::Needs(bytes.len() * 2),
            },
            Framing::Documents | Framing::Whole => {
                if bytes.len() > limits.record_bytes {
                    Reach::Never(None)
                } else if self.content.is_ended() {
                    Reach::To(bytes.len())
                } else {
                    Reach::Needs(bytes.len() * 2)
                }
            }
            Framing::Frames | Framing::Varints => self.whole_frames(bytes, limits),
        }
    }

    fn whole_frames(&self, bytes: &[u8], limits: &Limits) -> Reach {
        let mut end = 0;
        while end < bytes.len() {
            let rest = &bytes[end..];
            let stop = match frame::header(self.framing, rest) {
                Header::Frame { len, .. } if len > limits.record_bytes as u64 => {
                    Reach::Never(Some(len))
                }
                Header::Frame { header, len } => {
                    // At most a record's limit, which is a usize.
                    let needed = header + len as usize;
                    if needed <= rest.len() {
                        end += needed;
                        continue;
                    }
                    Reach::Needs(needed)
                }
                Header::Short if self.content.is_ended() => Reach::Needs(rest.len() + 1),
                Header::Short => Reach::Needs(HEADER_MAX),
                Header::Broken => Reach::Never(None),
            };
            return if end > 0 { Reach::To(end) } else { stop };
        }
        Reach::To(end)
    }
}

/// Returns how much of a text is whole characters; what is no character at all counts as one.
fn whole_characters(text: &[u8]) -> usize {
    let tail = text.len().saturating_sub(3);
    let begins = text[tail..].iter().rposition(|&byte| byte >= 0xc0);
    match begins.map(|at| tail + at) {
        Some(at) if std::str::from_utf8(&text[at..]).is_err_and(|e| e.error_len().is_none()) => at,
        _ => text.len(),
    }
}

/// Notes that reading failed.
pub(super) fn read_fault(ledger: &Ledger, source: u32, byte: u64, error: &io::Error) {
    let message = format!(
        "cannot be read on from byte {byte}: {}",
        crate::error::reason(error)
    );
    ledger.fault(source, byte, &message, None);
}

/// Notes that frames cannot be followed any further.
pub(super) fn frame_fault(
    ledger: &Ledger,
    source: u32,
    byte: u64,
    len: Option<u64>,
    limits: &Limits,
) {
    let found = match len {
        Some(len) => format!("{len}"),
        None => "no length".to_owned(),
    };
    let message = format!(
        "expected the length of a record at byte {byte}, at most {}, found {found}",
        limits.record_bytes
    );
    let help = "what came before was read; the file may be damaged";
    ledger.fault(source, byte, &message, Some(help));
}

/// Notes that an element of a document, or a value beside its lists, is too long.
fn element_fault(ledger: &Ledger, source: u32, byte: u64, limits: &Limits) {
    let message = format!(
        "expected elements of at most {} bytes, found a longer one at byte {byte}",
        limits.record_bytes
    );
    let help = "what came before was read; split it, or write one record a line";
    ledger.fault(source, byte, &message, Some(help));
}

/// Notes that content which is one record is too long.
pub(super) fn document_fault(ledger: &Ledger, source: u32, limits: &Limits) {
    let message = format!(
        "expected one document of at most {} bytes, found a longer one",
        limits.record_bytes
    );
    let help = "split it, or write one record a line";
    ledger.fault(source, 0, &message, Some(help));
}
