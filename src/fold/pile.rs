//! A list that grows without moving what it holds.
//!
//! A vector that grows is copied to a place twice as large, and the old place stays as a hole in the heap. Lists of
//! records are many and large, so they grow by pieces of the same size instead.

use std::ops::{Index, IndexMut};

/// Elements of a piece; a power of two.
const PIECE: usize = 1 << 9;

/// A list in pieces.
#[derive(Clone, Debug)]
pub(super) struct Pile<T> {
    /// All but the last are full. The first grows like any vector, for most piles are small.
    pieces: Vec<Vec<T>>,
    /// Pieces that were let go, for when the list grows again: a page that is given back is cleared before it is handed out.
    spare: Vec<Vec<T>>,
}

impl<T> Default for Pile<T> {
    fn default() -> Pile<T> {
        Pile::new()
    }
}

impl<T> Pile<T> {
    /// Returns an empty pile.
    pub(super) fn new() -> Pile<T> {
        Pile {
            pieces: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Returns how many elements there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        let full = self.pieces.len().saturating_sub(1);
        full * PIECE + self.pieces.last().map_or(0, Vec::len)
    }

    /// Returns an element, if there are so many.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.pieces.get(at / PIECE)?.get(at % PIECE)
    }

    /// Adds an element at the end.
    pub(super) fn push(&mut self, element: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(element),
            last => {
                let capacity = if last.is_some() { PIECE } else { 4 };
                let spare = self.spare.pop();
                let mut piece = spare.unwrap_or_else(|| Vec::with_capacity(capacity));
                piece.push(element);
                self.pieces.push(piece);
            }
        }
    }

    /// Lets go of all elements but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        for mut piece in self.pieces.drain(len.div_ceil(PIECE)..) {
            piece.clear();
            self.spare.push(piece);
        }
        if let Some(last) = self.pieces.last_mut() {
            last.truncate(len - (len - 1) / PIECE * PIECE);
        }
    }

    /// Returns the elements in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }
}

impl<T> Index<usize> for Pile<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.pieces[at / PIECE][at % PIECE]
    }
}

impl<T> IndexMut<usize> for Pile<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pieces[at / PIECE][at % PIECE]
    }
}

impl<T> IntoIterator for Pile<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<T>>>;

    /// Pieces are given back as soon as they are empty.
    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pile_is_a_list() {
        for n in [
            0,
            1,
            4,
            5,
            PIECE - 1,
            PIECE,
            PIECE + 1,
            3 * PIECE,
            3 * PIECE + 7,
        ] {
            let mut pile = Pile::new();
            for element in 0..n {
                assert_eq!(pile.len(), element);
                pile.push(element);
            }
            assert!(pile.iter().copied().eq(0..n));
            if n > 0 {
                pile[n / 2] = n;
                assert_eq!((pile[n / 2], pile.len()), (n, n));
                pile[n / 2] = n / 2;
            }
            let mut less = pile.clone();
            for len in [n, n / 2, n / 3, 0] {
                less.truncate(len);
                assert_eq!(less.len(), len);
                assert!(less.iter().copied().eq(0..len));
            }
            less.push(7);
            assert!(less.into_iter().eq([7]));
            assert!(pile.into_iter().eq(0..n));
        }
    }
}
