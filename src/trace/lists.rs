//! Many short lists in one.

/// Items for which space is kept when the lists are cleared.
const KEPT: usize = 1 << 15;

/// Lists that are added one after the other and let go together.
#[derive(Debug)]
pub struct Lists<T> {
    items: Vec<T>,
    /// Where each list ends.
    ends: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Lists<T> {
        Lists {
            items: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl<T: Copy> Lists<T> {
    /// Adds a list.
    #[inline]
    pub fn push(&mut self, list: &[T]) {
        self.items.extend_from_slice(list);
        self.end();
    }

    /// Adds a list of so many equal items, and returns it.
    pub fn push_filled(&mut self, n: usize, item: T) -> &mut [T] {
        let from = self.items.len();
        self.items.resize(from + n, item);
        self.end();
        &mut self.items[from..]
    }

    fn end(&mut self) {
        // All lists together are far smaller than what 32 bits can count.
        self.ends.push(self.items.len() as u32);
    }

    /// Returns a list; lists are counted from 0.
    #[inline]
    pub fn get(&self, n: usize) -> &[T] {
        let begin = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[begin as usize..self.ends[n] as usize]
    }

    /// Returns how many items all lists have.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// Lets all lists go, and space beyond what is usually needed.
    pub fn clear(&mut self) {
        self.items.clear();
        self.items.shrink_to(KEPT);
        self.ends.clear();
        self.ends.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_those_that_were_added() {
        let mut lists = Lists::default();
        for round in 0..3 {
            let list = |n: usize| (0..n * 7 % 5).map(|i| round + 10 * n + i).collect();
            let expected: Vec<Vec<usize>> = (0..100).map(list).collect();
            for list in &expected[..50] {
                lists.push(list);
            }
            for list in &expected[50..] {
                lists.push_filled(list.len(), 0).copy_from_slice(list);
            }
            for (n, list) in expected.iter().enumerate() {
                assert_eq!(lists.get(n), list);
            }
            let n_items: usize = expected.iter().map(Vec::len).sum();
            assert_eq!(lists.n_items(), n_items);
            lists.push_filled(10 * KEPT, 0);
            lists.clear();
            assert!(lists.n_items() == 0 && lists.items.capacity() < 2 * KEPT);
        }
    }
}
