//! Keeps rows by partition until they are folded: in memory, or past a budget in an unlinked temporary file.
//!
//! A partition is a bucket of trace ids, so all spans of a trace meet in one. Rows wait in chunks; once spilling has
//! begun, a full chunk is appended to one file per store and its place noted. The file has no name: nothing is
//! left behind whatever happens.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use bytemuck::Pod;

use crate::error::{Error, Result};
use crate::lock::lock;
use crate::model::id::mix;
use crate::near::ask_for;

/// Number of partitions.
///
/// A partition of ten million spans is 640 kB, which stays in the second-level cache while its traces are put together.
pub const PARTITIONS: u32 = 1024;

/// Returns the partition of a trace by the low bits of its mixed id; shards are cut by the high ones.
#[inline]
pub fn partition(trace_low: u64) -> u32 {
    (mix(trace_low) & u64::from(PARTITIONS - 1)) as u32
}

/// Rows of a chunk in memory: a thousand chunks of 8 rows of 64 bytes are filled at the same time, and stay in the second-level
/// cache meanwhile. With 64 rows, adding one waited for memory, which took a twelfth of the time of reading.
const CHUNK: usize = 8;

/// So many chunks before one is read it is asked for.
const AHEAD: usize = 4;

/// Rows of a chunk in the file at most: 64 rows of 64 bytes are a page.
const EXTENT: usize = 64;

/// Rows of a chunk in the file at least: fewer would be many reads and writes, and their places would take much memory.
const SMALL_EXTENT: usize = 16;

/// Chunks of a slab: a megabyte of rows, which an allocator takes from the system and gives back in one piece.
const SLAB: usize = 2048;

/// Partitions that share slabs. They are folded one soon after the other, and then their memory is free for the topology.
const NEIGHBOURS: usize = 64;

/// Rows of one type by partition.
#[derive(Debug)]
pub struct Store<T> {
    parts: Vec<Mutex<Part<T>>>,
    groups: Vec<RwLock<Group<T>>>,
    spill: Option<File>,
    spilled: u64,
    /// Rows of a chunk in the file.
    extent: usize,
    rows: u64,
}

#[derive(Debug)]
struct Part<T> {
    /// The full chunks in memory, by their numbers in the group.
    full: Vec<u32>,
    /// The chunk that is being filled.
    open: Vec<T>,
    /// The numbers of this partition's chunks in the file.
    extents: Vec<u32>,
}

/// The full chunks of neighbouring partitions.
///
/// Chunks that were allocated one by one cost more than what is in them: the allocator then asks the system for memory
/// page by page, which took a twelfth of the time of reading and folding edges.
#[derive(Debug)]
struct Group<T> {
    slabs: Vec<Vec<T>>,
    /// Partitions whose rows are still wanted.
    wanted: usize,
}

impl<T: Pod> Group<T> {
    /// Keeps a full chunk; returns its number.
    fn keep(&mut self, chunk: &[T]) -> u32 {
        let has_room = |slab: &Vec<T>| slab.len() < SLAB * CHUNK;
        if !self.slabs.last().is_some_and(has_room) {
            self.slabs.push(Vec::with_capacity(SLAB * CHUNK));
        }
        let last = self.slabs.len() - 1;
        let slab = &mut self.slabs[last];
        let number = last * SLAB + slab.len() / CHUNK;
        slab.extend_from_slice(chunk);
        u32::try_from(number).expect("four billion chunks do not fit in memory")
    }

    fn chunk(&self, number: u32) -> &[T] {
        let (slab, at) = (number as usize / SLAB, number as usize % SLAB);
        &self.slabs[slab][at * CHUNK..(at + 1) * CHUNK]
    }
}

impl<T: Pod> Store<T> {
    /// Returns an empty store.
    pub fn new() -> Store<T> {
        let part = || Part {
            full: Vec::new(),
            open: Vec::new(),
            extents: Vec::new(),
        };
        let group = || Group {
            slabs: Vec::new(),
            wanted: NEIGHBOURS,
        };
        Store {
            parts: (0..PARTITIONS).map(|_| Mutex::new(part())).collect(),
            groups: (0..PARTITIONS as usize / NEIGHBOURS)
                .map(|_| RwLock::new(group()))
                .collect(),
            spill: None,
            spilled: 0,
            extent: extent(rayon::current_num_threads()),
            rows: 0,
        }
    }

    /// Adds a row to a partition.
    #[inline]
    pub fn push(&mut self, partition: u32, row: T) -> Result<()> {
        let part = unlocked(&mut self.parts[partition as usize]);
        // It grows as it is needed: a small input has few rows in each of many partitions.
        part.open.push(row);
        self.rows += 1;
        // In the file a chunk is a whole number of chunks in memory.
        if part.open.len().is_multiple_of(CHUNK) {
            self.close(partition)?;
        }
        Ok(())
    }

    /// Asks for the memory to which the next row of a partition goes.
    #[inline]
    pub fn ask(&mut self, partition: u32) {
        let part = unlocked(&mut self.parts[partition as usize]);
        part.open
            .spare_capacity_mut()
            .iter()
            .take(1)
            .for_each(ask_for);
    }

    #[inline(never)]
    fn close(&mut self, partition: u32) -> Result<()> {
        let part = unlocked(&mut self.parts[partition as usize]);
        match &mut self.spill {
            None => {
                let group = &mut self.groups[partition as usize / NEIGHBOURS];
                let group = group.get_mut().unwrap_or_else(PoisonError::into_inner);
                part.full.push(group.keep(&part.open));
            }
            Some(_) if part.open.len() < self.extent => return Ok(()),
            Some(file) => append(file, &part.open, &mut self.spilled, &mut part.extents)?,
        }
        part.open.clear();
        Ok(())
    }

    /// Returns the bytes of rows held in memory.
    pub fn held_bytes(&self) -> u64 {
        self.rows * size_of::<T>() as u64 - self.spilled
    }

    /// Returns the bytes written to the temporary file.
    pub fn spilled_bytes(&self) -> u64 {
        self.spilled
    }

    /// Moves full chunks to a temporary file, now and from now on.
    pub fn spill(&mut self) -> Result<()> {
        if self.spill.is_some() {
            return Ok(());
        }
        let mut file = tempfile::tempfile().map_err(|source| {
            Error::io("temporary file", &source)
                .with_help("set TMPDIR to a folder with room, or raise --memory")
        })?;
        for (parts, group) in self.parts.chunks_mut(NEIGHBOURS).zip(&mut self.groups) {
            let group = group.get_mut().unwrap_or_else(PoisonError::into_inner);
            for part in parts {
                let part = unlocked(part);
                let mut rows = Vec::with_capacity(self.extent);
                for number in std::mem::take(&mut part.full) {
                    rows.extend_from_slice(group.chunk(number));
                    if rows.len() == self.extent {
                        append(&mut file, &rows, &mut self.spilled, &mut part.extents)?;
                        rows.clear();
                    }
                }
                // Less than a chunk in memory was open, so that it has fewer rows than a chunk in the file.
                rows.append(&mut part.open);
                part.open = rows;
            }
            group.slabs = Vec::new();
        }
        self.spill = Some(file);
        Ok(())
    }

    fn part(&self, partition: u32) -> MutexGuard<'_, Part<T>> {
        lock(&self.parts[partition as usize])
    }

    /// Returns how many rows a partition has.
    pub fn len(&self, partition: u32) -> usize {
        let part = self.part(partition);
        part.full.len() * CHUNK + part.extents.len() * self.extent + part.open.len()
    }

    /// Calls `f` with the chunks of a partition, in no particular order.
    pub fn for_each_chunk(&self, partition: u32, mut f: impl FnMut(&[T])) -> Result<()> {
        let part = self.part(partition);
        if let Some(file) = &self.spill {
            let mut chunk = vec![T::zeroed(); self.extent];
            for &number in &part.extents {
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut chunk);
                let offset = u64::from(number) * bytes.len() as u64;
                read_at(file, bytes, offset)
                    .map_err(|source| Error::io("temporary file", &source))?;
                f(&chunk);
            }
        }
        let group = self.groups[partition as usize / NEIGHBOURS]
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for (n, &number) in part.full.iter().enumerate() {
            // Chunks of a partition lie far from each other.
            if let Some(&soon) = part.full.get(n + AHEAD) {
                group.chunk(soon).iter().for_each(ask_for);
            }
            f(group.chunk(number));
        }
        f(&part.open);
        Ok(())
    }

    /// Gives up the rows of a partition that are held in memory, once.
    pub fn drop_rows(&self, partition: u32) {
        let mut part = self.part(partition);
        part.full = Vec::new();
        part.open = Vec::new();
        part.extents = Vec::new();
        let mut group = self.groups[partition as usize / NEIGHBOURS]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        group.wanted = group.wanted.saturating_sub(1);
        if group.wanted == 0 {
            group.slabs = Vec::new();
        }
    }
}

/// Returns how many rows a chunk in the file has when so many threads read: each of them fills a thousand at a time.
fn extent(threads: usize) -> usize {
    (2 * EXTENT / threads.max(2)).max(SMALL_EXTENT) / CHUNK * CHUNK
}

fn unlocked<T>(part: &mut Mutex<Part<T>>) -> &mut Part<T> {
    part.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Pod> Default for Store<T> {
    fn default() -> Self {
        Store::new()
    }
}

fn append<T: Pod>(
    file: &mut File,
    chunk: &[T],
    spilled: &mut u64,
    extents: &mut Vec<u32>,
) -> Result<()> {
    let bytes: &[u8] = bytemuck::cast_slice(chunk);
    let number = u32::try_from(*spilled / bytes.len() as u64).map_err(|_| {
        Error::new("expected fewer than 60 billion spans in one run")
            .with_help("fold shares of them with --shard, and merge the topologies")
    })?;
    file.write_all(bytes).map_err(|source| {
        Error::io("temporary file", &source)
            .with_help("set TMPDIR to a folder with room, or raise --memory")
    })?;
    extents.push(number);
    *spilled += bytes.len() as u64;
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(store: &Store<u64>, partition: u32) -> Vec<u64> {
        let mut rows = Vec::new();
        store
            .for_each_chunk(partition, |chunk| rows.extend_from_slice(chunk))
            .expect("readable");
        rows.sort_unstable();
        rows
    }

    #[test]
    fn rows_come_back_from_memory_and_from_the_file() {
        assert_eq!([1, 2, 4, 5, 16].map(extent), [64, 64, 32, 24, 16]);
        for (spill_after, threads) in [(0, 1), (700, 2), (700, 4), (701, 16), (5000, 2)] {
            let mut store = Store {
                extent: extent(threads),
                ..Store::new()
            };
            for i in 0..3000u64 {
                if i == spill_after {
                    store.spill().expect("a temporary file");
                }
                store.push((i % 3) as u32, i).expect("room");
            }
            for partition in 0..3 {
                let expected: Vec<u64> = (0..3000)
                    .filter(|i| i % 3 == u64::from(partition))
                    .collect();
                assert_eq!(content(&store, partition), expected);
                assert_eq!(store.len(partition), 1000);
            }
            assert_eq!(store.held_bytes() + store.spilled_bytes(), 3000 * 8);
            assert_eq!(store.spilled_bytes() > 0, spill_after < 3000);
        }
    }
}
