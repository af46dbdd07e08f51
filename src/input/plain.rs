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

/// How much is read first to find the end of a line that leaves its range; doubled until it is found.
const EXTENSION: usize = 64 << 10;

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
        let _position = super::ledger::lock(&self.position);
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
    /// Where the content begins, behind a byte order mark.
    content: u64,
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
    content: u64,
    size: u64,
    from: u64,
    to: u64,
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
            content,
            size,
            next: content,
            next_block: 0,
        }
    }

    /// Takes the next range; `None` when there is none.
    pub(super) fn take(&mut self, limits: &Limits, ledger: &Ledger) -> Option<Range> {
        let from = self.next;
        let to = match self.framing {
            Framing::Lines => self.size.min(from + limits.chunk_bytes.max(1) as u64),
            Framing::Documents | Framing::Whole => self.size,
            Framing::Frames | Framing::Varints => self.whole_frames(limits, ledger),
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
            content: self.content,
            size: self.size,
            from,
            to,
        })
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
            Framing::Lines => self.read_lines(buffer, limits, ledger),
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

    /// Reads the lines that begin in the range, and the last of them to its end behind the range.
    fn read_lines(
        &self,
        buffer: &mut Buffer,
        limits: &Limits,
        ledger: &Ledger,
    ) -> io::Result<Option<Fill>> {
        // The byte in front says whether a line begins with the range.
        let from = self.from - u64::from(self.from > self.content);
        // A range is never longer than a chunk.
        let len = (self.to - from) as usize;
        let room = &mut buffer.fresh(len, from)[..len];
        let mut end = self.plain.read_at(room, from)?;
        if end < len {
            self.shrunk(ledger);
        }
        let bytes = &buffer.bytes()[..end];
        let start = if self.from == self.content {
            0
        } else {
            match memchr::memchr(b'\n', bytes) {
                Some(at) => at + 1,
                None => return Ok(None),
            }
        };
        if start >= end {
            return Ok(None);
        }
        let mut cut = false;
        if bytes[end - 1] != b'\n' && end == len && self.to < self.size {
            let last = memchr::memrchr(b'\n', &bytes[start..]).map_or(start, |at| start + at + 1);
            match self.extend(buffer, from, last, end, limits)? {
                Some(extended) => end = extended,
                None => {
                    end = last;
                    cut = true;
                }
            }
        }
        let byte = from + start as u64;
        Ok(self.fill(start, end, byte, cut))
    }

    /// Reads on to the end of the line that begins at `last`; returns where it ends, `None` when it is too long.
    fn extend(
        &self,
        buffer: &mut Buffer,
        from: u64,
        last: usize,
        mut end: usize,
        limits: &Limits,
    ) -> io::Result<Option<usize>> {
        let mut step = EXTENSION.min(limits.chunk_bytes.max(1));
        loop {
            if end - last > limits.record_bytes {
                return Ok(None);
            }
            let left = self.size - (from + end as u64);
            let wanted = usize::try_from(left).map_or(step, |left| left.min(step));
            let room = &mut buffer.grow(end + wanted)[end..end + wanted];
            let n = self.plain.read_at(room, from + end as u64)?;
            if let Some(at) = memchr::memchr(b'\n', &room[..n]) {
                return Ok(Some(end + at + 1));
            }
            end += n;
            if n < step {
                return Ok(Some(end));
            }
            step *= 2;
        }
    }

    fn fill(&self, start: usize, end: usize, byte: u64, cut: bool) -> Option<Fill> {
        (start < end || cut).then_some(Fill {
            source: self.source,
            block: self.block,
            format: self.format,
            framing: self.framing,
            start,
            end,
            byte,
            cut,
        })
    }

    fn shrunk(&self, ledger: &Ledger) {
        ledger.note(
            self.source,
            "the file became shorter while it was read".to_owned(),
        );
    }
}
