// SPDX-License-Identifier: Apache-2.0

//! Cuts packets out of a stream: `u16 size, u16 type`, little-endian.

pub const FIRST_BUFFER: usize = 16 << 10;
const LARGEST_PACKET: usize = 64 << 10;
const HEADER: usize = 4;

/// What was read: whole packets, then the beginning of one.
pub struct Buffer {
    bytes: Vec<u8>,
    held: usize,
    whole: usize,
}

impl Buffer {
    pub fn new() -> Self {
        Buffer { bytes: vec![0; FIRST_BUFFER], held: 0, whole: 0 }
    }

    /// Where to read into; never empty.
    pub fn free(&mut self) -> &mut [u8] {
        &mut self.bytes[self.held..]
    }

    /// Looks at `count` bytes more; false when what follows the whole packets cannot be one.
    pub fn received(&mut self, count: usize) -> bool {
        self.held += count;
        while let [low, high, ..] = self.bytes[self.whole..self.held] {
            let size = usize::from(u16::from_le_bytes([low, high]));
            if size < HEADER {
                return false;
            }
            if size > self.held - self.whole {
                if size > self.bytes.len() {
                    self.bytes.resize(LARGEST_PACKET, 0);
                }
                break;
            }
            self.whole += size;
        }
        true
    }

    pub fn whole(&self) -> &[u8] {
        &self.bytes[..self.whole]
    }

    pub fn drop_whole(&mut self) {
        self.bytes.copy_within(self.whole..self.held, 0);
        self.held -= self.whole;
        self.whole = 0;
    }
}
