//! Regular files without compression: ranges are taken under a lock, and read at their offsets outside of it.

use crate::input::block::{Buffer, Fill};
use crate::input::frame::{self, HEADER_MAX, Header};
use crate::input::ledger::{Ledger, incomplete_frame};
use crate::input::{Framing, Limits, stream};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// How much is read at once to find the lengths of frames; several small frames need one read.
const WINDOW: usize = 4096;

/// How much is read first to find the end of the line that a chunk ends in, which is enough for short lines.
const FIRST_STEP: usize = 4 << 10;

/// How much is read at once of a longer line, whose end is to be found.
const STEP: usize = 32 << 10;

/// How much is read at once to find out whether a first line ends soon.
const PROBE: usize = 64 << 10;

/// A file that can be read at any offset by several threads.
#[derive(Debug)]
pub(super) struct PlainFile {
    file: File,
    #[cfg(not(unix))]
    position: std::sync::Mutex<()>,
}

impl PlainFile {
    pub(super) fn new(file: File) -> PlainFile {
        PlainFile {
            file,
            #[cfg(not(unix))]
            position: std::sync::Mutex::new(()),
        }
    }

    /// Gives the file back, for reading from its start.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Returns whether a line ends in the first `len` bytes.
    pub(super) fn has_line_end(&self, len: usize) -> io::Result<bool> {
        let mut window = vec![0; PROBE];
        let mut offset = 0;
        while offset < len {
            let n = self.read_at(&mut window, offset as u64)?;
            if memchr::memchr(b'\n', &window[..n]).is_some() {
                return Ok(true);
            }
            if n == 0 {
                break;
            }
            offset += n;
        }
        Ok(false)
    }

    /// Reads at an offset until the buffer is full or the file ends; returns how much was read.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    #[cfg(unix)]
    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    #[cfg(not(unix))]
    fn read_some_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        use std::io::{Read, Seek, SeekFrom};
        let _position = crate::lock::lock(&self.position);
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).read(buffer)
    }
}

/// A plain file of which ranges are handed out.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) source: u32,
    format: usize,
    framing: Framing,
    file: Arc<PlainFile>,
    /// The length when the file was opened.
    size: u64,
    /// Where the next range begins.
    next: u64,
    next_block: u32,
}

/// A range of a plain file, taken but not read.
#[derive(Debug)]
pub(super) struct Range {
    plain: Arc<PlainFile>,
    source: u32,
    block: u32,
    format: usize,
    framing: Framing,
    from: u64,
    to: u64,
    /// How much of the range the buffer already has, at its end.
    ahead: usize,
    /// Whether the range ends inside a line too long to be kept, which is none of it.
    cut: bool,
}

impl Plain {
    pub(super) fn new(
        file: PlainFile,
        source: u32,
        (format, framing): (usize, Framing),
        content: u64,
        size: u64,
    ) -> Plain {
        Plain {
            source,
            format,
            framing,
            file: Arc::new(file),
            size,
            next: content,
            next_block: 0,
        }
    }

    /// Takes the next range, the end of which may be read into the buffer; `None` when there is none.
    pub(super) fn take(
        &mut self,
        buffer: &mut Buffer,
        limits: &Limits,
        ledger: &Ledger,
    ) -> Option<Range> {
        let from = self.next;
        let (to, ahead, cut) = match self.framing {
            Framing::Lines => match self.whole_lines(buffer, limits) {
                Ok(lines) => lines,
                Err(error) => {
                    stream::read_fault(ledger, self.source, from, &error);
                    self.next = self.size;
                    return None;
                }
            },
            Framing::Documents | Framing::Whole => (self.size, 0, false),
            Framing::Frames | Framing::Varints => (self.whole_frames(limits, ledger), 0, false),
        };
        if from >= to {
            return None;
        }
        let block = self.next_block;
        self.next_block += 1;
        self.next = self.next.max(to);
        Some(Range {
            plain: Arc::clone(&self.file),
            source: self.source,
            block,
            format: self.format,
            framing: self.framing,
            from,
            to,
            ahead,
            cut,
        })
    }

    /// Returns the end of the lines that begin in the next chunk, how much in front of it the buffer already has, and
    /// whether the last line is too long to be kept; then the end is that of the chunk.
    ///
    /// Lines may be longer than a chunk. Were their ends looked for by whoever reads the chunk, every byte of theirs would be
    /// read twice: behind one chunk, and as the front of another.
    fn whole_lines(
        &mut self,
        buffer: &mut Buffer,
        limits: &Limits,
    ) -> io::Result<(u64, usize, bool)> {
        let from = self.next;
        let chunk = limits.chunk_bytes.max(1);
        if self.size - from <= chunk as u64 {
            return Ok((self.size, 0, false));
        }
        buffer.fresh(chunk + FIRST_STEP, from);
        // The last byte of the chunk may be the end of a line.
        let begin = chunk - 1;
        let (mut end, mut step) = (begin, FIRST_STEP);
        let mut kept = true;
        loop {
            let at = if kept { end } else { begin };
            let room = &mut buffer.grow(at + step)[at..at + step];
            let n = self.file.read_at(room, from + end as u64)?;
            let line_end = memchr::memchr(b'\n', &room[..n]);
            end += line_end.map_or(n, |at| at + 1);
            if line_end.is_some() || n < step {
                break;
            }
            kept = kept && end - begin <= limits.record_bytes;
            step = STEP;
        }
        if kept {
            return Ok((from + end as u64, end - begin, false));
        }
        self.next = from + end as u64;
        Ok((from + chunk as u64, 0, true))
    }

    /// Returns the end of the whole frames that fill a chunk, at least one; moves on behind them, or to the end of
    /// the file when nothing behind them can be read.
    fn whole_frames(&mut self, limits: &Limits, ledger: &Ledger) -> u64 {
        let mut window = [0; WINDOW];
        let mut window_at = 0;
        let mut window_len = 0;
        let from = self.next;
        let mut end = from;
        while end < self.size && end - from < limits.chunk_bytes.max(1) as u64 {
            let left = self.size - end;
            let header_len = left.min(HEADER_MAX as u64);
            if window_len == 0 || end + header_len > window_at + window_len {
                window_at = end;
                window_len = match self.file.read_at(&mut window, end) {
                    Ok(n) => n as u64,
                    Err(error) => {
                        stream::read_fault(ledger, self.source, end, &error);
                        self.next = self.size;
                        return end;
                    }
                };
            }
            // Both differences are at most WINDOW.
            let begin = (end - window_at) as usize;
            let seen = &window[begin.min(window_len as usize)..window_len as usize];
            let seen = &seen[..seen.len().min(header_len as usize)];
            match frame::header(self.framing, seen) {
                Header::Frame { header, len } if len <= limits.record_bytes as u64 => {
                    let needed = header as u64 + len;
                    if left < needed {
                        ledger.note(self.source, incomplete_frame(end, needed, left));
                        self.next = self.size;
                        return end;
                    }
                    end += needed;
                }
                Header::Frame { len, .. } => {
                    if end == from {
                        stream::frame_fault(ledger, self.source, end, Some(len), limits);
                        self.next = self.size;
                    }
                    return end;
                }
                Header::Short => {
                    ledger.note(
                        self.source,
                        incomplete_frame(end, seen.len() as u64 + 1, left),
                    );
                    self.next = self.size;
                    return end;
                }
                Header::Broken => {
                    if end == from {
                        stream::frame_fault(ledger, self.source, end, None, limits);
                        self.next = self.size;
                    }
                    return end;
                }
            }
        }
        end
    }
}

impl Range {
    pub(super) fn source(&self) -> u32 {
        self.source
    }

    pub(super) fn len(&self) -> u64 {
        self.to - self.from
    }

    /// Reads the records of the range; `None` when there are none.
    pub(super) fn read(
        &self,
        buffer: &mut Buffer,
        limits: &Limits,
        ledger: &Ledger,
    ) -> Option<Fill> {
        let filled = match self.framing {
            Framing::Lines => self.read_lines(buffer, ledger),
            Framing::Documents | Framing::Whole if self.len() > limits.record_bytes as u64 => {
                stream::document_fault(ledger, self.source, limits);
                return None;
            }
            Framing::Documents | Framing::Whole | Framing::Frames | Framing::Varints => {
                self.read_all(buffer, ledger)
            }
        };
        filled.unwrap_or_else(|error| {
            stream::read_fault(ledger, self.source, self.from, &error);
            None
        })
    }

    fn read_all(&self, buffer: &mut Buffer, ledger: &Ledger) -> io::Result<Option<Fill>> {
        // What is larger than the address space is over every limit.
        let len = usize::try_from(self.len()).unwrap_or(usize::MAX);
        let room = &mut buffer.fresh(len, self.from)[..len];
        let n = self.plain.read_at(room, self.from)?;
        if n < len {
            self.shrunk(ledger);
        }
        Ok(self.fill(0, n, self.from, false))
    }

    /// Reads the lines of the range.
    fn read_lines(&self, buffer: &mut Buffer, ledger: &Ledger) -> io::Result<Option<Fill>> {
        // A range is never longer than what memory can hold: its end was read into the buffer, or it is one chunk.
        let len = self.len() as usize;
        let room = match self.ahead {
            0 => buffer.fresh(len, self.from),
            _ => buffer.grow(len),
        };
        let wanted = len - self.ahead;
        let n = self.plain.read_at(&mut room[..wanted], self.from)?;
        let mut end = len;
        if n < wanted {
            self.shrunk(ledger);
            end = n;
        }
        if self.cut {
            let last = memchr::memrchr(b'\n', &buffer.bytes()[..end]);
            end = last.map_or(0, |at| at + 1);
        }
        let tail = match end == len && !self.cut {
            true => wanted,
            false => end,
        };
        let fill = self.fill(0, end, self.from, self.cut);
        Ok(fill.map(|fill| Fill { tail, ..fill }))
    }

    fn fill(&self, start: usize, end: usize, byte: u64, cut: bool) -> Option<Fill> {
        (start < end || cut).then_some(Fill {
            source: self.source,
            block: self.block,
            format: self.format,
            framing: self.framing,
            start,
            end,
            tail: end,
            byte,
            cut,
            ends_content: false,
        })
    }

    fn shrunk(&self, ledger: &Ledger) {
        ledger.note(
            self.source,
            "the file became shorter while it was read".to_owned(),
        );
    }
}
