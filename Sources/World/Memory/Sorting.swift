// SPDX-License-Identifier: Apache-2.0

package import Platform

/// Sorting and searching without the heap.
extension Column {
    /// Sorts, keeping the order of equals, in memory that is kept: the library's sort allocates in every call.
    ///
    /// A merge sort from runs of sixteen upwards; what is in order already is only looked through once.
    /// - Parameters:
    ///   - scratch: left with undefined contents.
    ///   - precedes: a strict weak order.
    /// - Complexity: O(n log n), O(n) when sorted.
    package mutating func sort(scratch: inout Column, by precedes: (Element, Element) -> Bool) {
        guard !isSorted(by: precedes) else { return }
        scratch.removeAll()
        for index in 0..<count { scratch.append(self[index]) }
        let runLength = 16
        var start = 0
        while start < count {
            sortRun(start..<min(start + runLength, count), by: precedes)
            start += runLength
        }
        var width = runLength
        while width < count {
            merge(width: width, into: &scratch, by: precedes)
            swap(&self, &scratch)
            width *= 2
        }
    }

    private func isSorted(by precedes: (Element, Element) -> Bool) -> Bool {
        var index = 1
        while index < count {
            if precedes(self[index], self[index - 1]) { return false }
            index += 1
        }
        return true
    }

    private mutating func sortRun(_ run: Range<Int>, by precedes: (Element, Element) -> Bool) {
        var index = run.lowerBound + 1
        while index < run.upperBound {
            let value = self[index]
            var hole = index
            while hole > run.lowerBound, precedes(value, self[hole - 1]) {
                self[hole] = self[hole - 1]
                hole -= 1
            }
            self[hole] = value
            index += 1
        }
    }

    private func merge(width: Int, into target: inout Column, by precedes: (Element, Element) -> Bool) {
        var start = 0
        while start < count {
            let middle = min(start + width, count)
            let end = min(middle + width, count)
            var left = start
            var right = middle
            for index in start..<end {
                if left < middle, right == end || !precedes(self[right], self[left]) {
                    target[index] = self[left]
                    left += 1
                } else {
                    target[index] = self[right]
                    right += 1
                }
            }
            start = end
        }
    }
}

extension UnsafeBufferPointer {
    /// The first index whose value is not before what is looked for, in a list that is sorted by it.
    ///
    /// - Complexity: O(log n).
    package func lowerBound(_ isBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
